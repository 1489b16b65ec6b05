"""Pages in, results out, in order: while one page is recognised, the next is being decoded."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np

from doctr_serve.documents import DecodedPage, PageReference
from doctr_serve.errors import DoctrServeError, InternalError
from doctr_serve.inference.limits import PageBeyondLimit
from doctr_serve.reading.page_reading import PageReading
from doctr_serve.reading.page_warnings import language_warnings, warnings_of
from doctr_serve.reading.request import RequestContext

__all__ = ["Predictor", "read_pages"]

logger = logging.getLogger(__name__)


class Predictor(Protocol):
    """What works on pages, in two steps, so that one page can leave before the next is at its second."""

    @property
    def batch_size(self) -> int:
        """Pages that :meth:`detect` takes at once."""

    @property
    def vocabulary(self) -> str:
        """The characters that it can read; "" for one that reads none."""

    def detect(self, images: list[np.ndarray]) -> list[Any]:
        """Returns what :meth:`recognise` takes of each page, (H, W, 3) uint8 RGB."""

    def recognise(self, detected: Any) -> Any:
        """Returns what is known of one page in the end."""

    def kept_bytes(self, detected: Any) -> int:
        """Returns the bytes that are kept of a page between both, beside its own."""

    def working_bytes(self, shapes: Sequence[tuple[int, int]]) -> int:
        """Returns a bound of the bytes that a batch of pages of these heights and widths takes beside its own."""


def read_pages(
    pages: Iterator[DecodedPage],
    predictor: Predictor,
    *,
    max_batch_pixels: int,
    context: RequestContext,
) -> Generator[PageReading]:
    """Yields the reading of each page as soon as it is there.

    The first page goes through detection alone, so that it leaves as early as that of a one-page document; the
    others as many at a time as the predictor takes. A page that fails is yielded with its error; the others go on.

    Args:
        pages: decoded pages; holds one more decoded page than have been taken from it.
        predictor: the request's predictor.
        max_batch_pixels: pixels of decoded pages after which a batch is full, however few pages it has.
        context: the request; looked at before every page.

    Raises:
        RequestCancelled: the caller is gone.
        DeadlineExceeded: the deadline passed.
    """
    batch_size = 1
    while batch := _take(pages, batch_size, max_batch_pixels):
        batch_size = predictor.batch_size
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


def _detect(predictor: Predictor, pages: list[DecodedPage], context: RequestContext) -> Iterator[Any]:
    """Yields each page's detection.

    Where a batch fails, its pages are tried one by one: to find the culprit, or because they are too large together.
    """
    if not pages:
        return iter(())
    try:
        detected = predictor.detect([page.image for page in pages if page.image is not None])
        for page, found in zip(pages, detected, strict=True):
            page.keep(predictor.kept_bytes(found))
        return _handed_over(detected)
    except Exception as error:
        if len(pages) > 1:
            return _detected_one_by_one(predictor, pages, context)
        return iter([_failure(pages[0].reference, error, context)])


def _detected_one_by_one(
    predictor: Predictor, pages: list[DecodedPage], context: RequestContext
) -> Iterator[Any]:
    while pages:
        yield from _detect(predictor, [pages.pop(0)], context)


def _handed_over(pages: list[Any]) -> Iterator[Any]:
    """Yields the pages and keeps none of them, as an iterator over the list would."""
    while pages:
        yield pages.pop(0)


def _reading(
    predictor: Predictor,
    page: DecodedPage,
    detected: Iterator[Any],
    context: RequestContext,
) -> PageReading:
    try:
        if page.error is not None:
            return PageReading(page.reference, error=page.error, warnings=page.warnings)
        return _recognise(predictor, page, next(detected), context)
    finally:
        page.release()


def _recognise(
    predictor: Predictor,
    page: DecodedPage,
    detected: Any,
    context: RequestContext,
) -> PageReading:
    if isinstance(detected, DoctrServeError):
        return PageReading(page.reference, error=detected)
    try:
        read = predictor.recognise(detected)
        warnings = page.warnings + warnings_of(detected) + language_warnings(read, predictor.vocabulary)
        return PageReading(page.reference, page=read, warnings=warnings)
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
