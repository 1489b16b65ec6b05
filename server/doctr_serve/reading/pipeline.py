"""Pages in, results out, in order: while one page is recognised, the next is being decoded."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import DecodedPage, PageReference
from doctr_serve.errors import DeadlineExceededError, DoctrServeError, InternalError, RequestCancelledError

if TYPE_CHECKING:
    from doctr.io.elements import Page

    from doctr_serve.inference.predictor import DetectedPage, StagedPredictor

__all__ = ["PageReading", "read_pages"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageReading:
    """What became of one page.

    Attributes:
        reference: which page.
        page: docTR's page; None if it could not be read.
        error: why not; None if it was read.
    """

    reference: PageReference
    page: Page | None = None
    error: DoctrServeError | None = None


def read_pages(
    pages: Iterator[DecodedPage],
    predictor: StagedPredictor,
    *,
    detection_batch_size: int,
    max_batch_pixels: int,
    interrupt: Interrupt,
    request_id: str = "",
) -> Iterator[PageReading]:
    """Yields the reading of each page as soon as it is there.

    The first page goes through detection alone, so that it leaves as early as that of a one-page document; the
    others ``detection_batch_size`` at a time. A page that fails is yielded with its error; the others go on.

    Args:
        pages: decoded pages; holds one more decoded page than have been taken from it.
        predictor: the request's predictor.
        detection_batch_size: pages per detection forward.
        max_batch_pixels: pixels of decoded pages after which a batch is full, however few pages it has.
        interrupt: checked before every page.
        request_id: what a caller is told to report when the server is at fault.

    Raises:
        RequestCancelledError: the caller is gone.
        DeadlineExceededError: the deadline passed.
    """
    batch_size = 1
    while batch := _take(pages, batch_size, max_batch_pixels):
        batch_size = detection_batch_size
        detected = _detect(predictor, [page for page in batch if page.image is not None], request_id)
        for page in batch:
            interrupt.check()
            if page.error is not None:
                yield PageReading(page.reference, error=page.error)
            else:
                yield _recognise(predictor, page, next(detected), request_id)
        del batch, detected


def _take(pages: Iterator[DecodedPage], count: int, max_pixels: int) -> list[DecodedPage]:
    """Returns the next pages: ``count`` of them, or fewer where these are large or the last."""
    batch: list[DecodedPage] = []
    pixels = 0
    for page in islice(pages, count):
        batch.append(page)
        pixels += page.reference.height * page.reference.width
        if pixels >= max_pixels:
            break
    return batch


def _detect(
    predictor: StagedPredictor, pages: list[DecodedPage], request_id: str
) -> Iterator[DetectedPage | DoctrServeError]:
    """Yields each page's detection; where a batch fails, its pages are tried one by one to find the culprit."""
    if not pages:
        return iter(())
    try:
        return iter(predictor.detect([page.image for page in pages if page.image is not None]))
    except (RequestCancelledError, DeadlineExceededError):
        raise
    except Exception as error:
        if len(pages) > 1:
            return (found for page in pages for found in _detect(predictor, [page], request_id))
        return iter([_failure(pages[0].reference, error, request_id)])


def _recognise(
    predictor: StagedPredictor, page: DecodedPage, detected: DetectedPage | DoctrServeError, request_id: str
) -> PageReading:
    if isinstance(detected, DoctrServeError):
        return PageReading(page.reference, error=detected)
    try:
        return PageReading(page.reference, page=predictor.recognise(detected))
    except (RequestCancelledError, DeadlineExceededError):
        raise
    except Exception as error:
        return PageReading(page.reference, error=_failure(page.reference, error, request_id))


def _failure(reference: PageReference, error: Exception, request_id: str) -> DoctrServeError:
    if isinstance(error, DoctrServeError):
        return error
    logger.exception("page_failed", extra={"page_number": reference.page_number})
    return InternalError(
        f"'{reference.document_name}', page {reference.page_number}: could not be read because of a fault of the "
        f"server; report it with the request id {request_id}",
        field=reference.document_name,
    )
