"""Pages in, results out, in order: while one page is recognised, the next is being decoded."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from doctr_serve.documents import DecodedPage, PageReference
from doctr_serve.errors import DoctrServeError, InternalError
from doctr_serve.inference.limits import PageBeyondLimit
from doctr_serve.reading.page_reading import PageReading
from doctr_serve.reading.page_warnings import warnings_of
from doctr_serve.reading.request import RequestContext

if TYPE_CHECKING:
    from doctr_serve.inference.stages.detected_page import DetectedPage
    from doctr_serve.inference.stages.page_predictor import PagePredictor

__all__ = ["read_pages"]

logger = logging.getLogger(__name__)


def read_pages(
    pages: Iterator[DecodedPage],
    predictor: PagePredictor,
    *,
    detection_batch_size: int,
    max_batch_pixels: int,
    context: RequestContext,
) -> Generator[PageReading]:
    """Yields the reading of each page as soon as it is there.

    The first page goes through detection alone, so that it leaves as early as that of a one-page document; the
    others ``detection_batch_size`` at a time. A page that fails is yielded with its error; the others go on.

    Args:
        pages: decoded pages; holds one more decoded page than have been taken from it.
        predictor: the request's predictor.
        detection_batch_size: pages of a detection batch.
        max_batch_pixels: pixels of decoded pages after which a batch is full, however few pages it has.
        context: the request; looked at before every page.

    Raises:
        RequestCancelled: the caller is gone.
        DeadlineExceeded: the deadline passed.
    """
    batch_size = 1
    while batch := _take(pages, batch_size, max_batch_pixels):
        batch_size = detection_batch_size
        detected = _detect(predictor, [page for page in batch if page.image is not None], context)
        while batch:
            context.interrupt.check()
            # Nothing here keeps a page's pixels while its reading is being taken.
            yield _reading(predictor, batch.pop(0), detected, context)
        del detected


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
    predictor: PagePredictor, pages: list[DecodedPage], context: RequestContext
) -> Iterator[DetectedPage | DoctrServeError]:
    """Yields each page's detection; where a batch fails, its pages are tried one by one to find the culprit."""
    if not pages:
        return iter(())
    try:
        return _handed_over(predictor.detect([page.image for page in pages if page.image is not None]))
    except Exception as error:
        if len(pages) > 1:
            return _detected_one_by_one(predictor, pages, context)
        return iter([_failure(pages[0].reference, error, context)])


def _detected_one_by_one(
    predictor: PagePredictor, pages: list[DecodedPage], context: RequestContext
) -> Iterator[DetectedPage | DoctrServeError]:
    while pages:
        yield from _detect(predictor, [pages.pop(0)], context)


def _handed_over(pages: list[DetectedPage]) -> Iterator[DetectedPage]:
    """Yields the pages and keeps none of them, as an iterator over the list would."""
    while pages:
        yield pages.pop(0)


def _reading(
    predictor: PagePredictor,
    page: DecodedPage,
    detected: Iterator[DetectedPage | DoctrServeError],
    context: RequestContext,
) -> PageReading:
    try:
        if page.error is not None:
            return PageReading(page.reference, error=page.error, warnings=page.warnings)
        return _recognise(predictor, page, next(detected), context)
    finally:
        page.release()


def _recognise(
    predictor: PagePredictor,
    page: DecodedPage,
    detected: DetectedPage | DoctrServeError,
    context: RequestContext,
) -> PageReading:
    if isinstance(detected, DoctrServeError):
        return PageReading(page.reference, error=detected)
    try:
        warnings = page.warnings + warnings_of(detected)
        return PageReading(page.reference, page=predictor.recognise(detected), warnings=warnings)
    except Exception as error:
        return PageReading(page.reference, error=_failure(page.reference, error, context))


def _failure(reference: PageReference, error: Exception, context: RequestContext) -> DoctrServeError:
    if isinstance(error, DoctrServeError):
        return error
    if isinstance(error, PageBeyondLimit):
        return error.of(reference.document_name, reference.page_number)
    logger.exception("page_failed", extra={"page_number": reference.page_number})
    return InternalError(
        f"'{reference.document_name}', page {reference.page_number}: could not be read because of a fault of the "
        f"server; {context.how_to_report}",
        field=reference.document_name,
    )
