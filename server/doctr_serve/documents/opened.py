"""The documents of one request: what is known before the first page, then the pages one by one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents.failures import document_error
from doctr_serve.documents.page_selection import PageSelection
from doctr_serve.documents.pages import (
    DecodedPage,
    DocumentLimits,
    PageReference,
    PageWarning,
    warnings_of,
)
from doctr_serve.documents.process import DecoderGoneError, DecoderOvertimeError, DecoderStalledError
from doctr_serve.documents.source import SourceDocument
from doctr_serve.errors import (
    DecoderCrashedError,
    DecoderTimeoutError,
    DocumentError,
    PageTooLargeError,
    RequestTooLargeError,
)

if TYPE_CHECKING:
    from doctr_serve.documents.pool import DecoderPool
    from doctr_serve.documents.process import DecoderProcess

__all__ = ["OpenedDocuments"]

logger = logging.getLogger(__name__)

# Formats with pages; of the others, a single picture, `pages` selects nothing and leaves out nothing.
MULTI_PAGE_FORMATS = ("pdf", "tiff")


class OpenedDocuments:
    """One request's documents, with a decoder process to itself until it is closed.

    Made by :meth:`DecoderPool.open`; a context manager. Used by one thread at a time.

    Attributes:
        references: every page that will be read, in order.
    """

    def __init__(
        self,
        pool: DecoderPool,
        documents: Sequence[SourceDocument],
        limits: DocumentLimits,
        interrupt: Interrupt,
    ) -> None:
        self._pool = pool
        self._documents = documents
        self._limits = limits
        self._interrupt = interrupt
        self._process: DecoderProcess | None = pool.acquire(interrupt)
        self._current_index: int | None = None
        self._open_outstanding = False
        self._lost: dict[int, DocumentError] = {}
        self._died_in_open: set[int] = set()
        # Those of each document as a whole, until its first page takes them.
        self._warnings: dict[int, tuple[PageWarning, ...]] = {}
        self._requested = -1
        self.references: list[PageReference] = []

    def __enter__(self) -> OpenedDocuments:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_id(self) -> int:
        """The operating system's number of the decoder process at work."""
        return self._running().process_id

    def close(self) -> None:
        """Gives the decoder process back; safe to call again."""
        process, self._process = self._process, None
        if process is not None:
            self._pool.release(process)

    def inspect(self, selection: PageSelection) -> None:
        """Opens every document once and fills ``references`` from the headers.

        Raises:
            DocumentError: a document cannot be read, or a page is too large.
            InvalidOptionError: ``selection`` selects nothing of a document.
            RequestTooLargeError: more pages than one request may have.
        """
        for index, document in enumerate(self._documents):
            try:
                self._inspect_or_retry(index, document, selection)
            except DecoderGoneError:
                raise self._crashed(document.name, None) from None
            except DecoderStalledError:
                raise self._stalled(document.name, None) from None

    def decode(self) -> Iterator[DecodedPage]:
        """Yields the pages in order; while the caller works on one, the decoder works on the next.

        A page that cannot be decoded comes with its error; those after it go on. This process holds only the
        page just yielded, and the decoder at most one more.

        Raises:
            RequestCancelledError: the interrupt fired.
            DeadlineExceededError: the interrupt fired.
        """
        for position in range(len(self.references)):
            # No local variable keeps the page: it is the caller's, and freed when the caller is done.
            yield self._next(position)

    def _inspect_or_retry(self, index: int, document: SourceDocument, selection: PageSelection) -> None:
        try:
            self._inspect_document(index, document, selection)
        except DecoderOvertimeError:
            raise
        except (DecoderGoneError, DecoderStalledError):
            # Not for certain this document's fault: the system kills and stops processes when memory is short.
            self._replace()
            self._inspect_document(index, document, selection)

    def _inspect_document(self, index: int, document: SourceDocument, selection: PageSelection) -> None:
        process = self._running()
        process.send_document(document)
        reply = process.receive(self._interrupt)
        if "error" in reply:
            raise document_error(reply["error"], reply["problem"], document.name)
        self._current_index = index
        self._warnings[index] = warnings_of(reply)
        page_count = reply["page_count"]
        if reply["format"] in MULTI_PAGE_FORMATS:
            selection.check_not_empty(document.name, page_count)
        else:
            selection = PageSelection("")
        if len(self.references) + selection.count(page_count) > self._limits.max_pages:
            raise RequestTooLargeError(
                f"with '{document.name}' the request has more than {self._limits.max_pages} pages, the most "
                "this server reads in one; select fewer with pages, or send several requests",
                field="pages",
            )
        pages = selection.select(page_count)
        process.send("sizes", pages=pages)
        reply = process.receive(self._interrupt)
        if "error" in reply:
            raise document_error(reply["error"], reply["problem"], document.name)
        for page, (height, width) in zip(pages, reply["sizes"], strict=True):
            reference = PageReference(document.name, index, page, page_count, int(height), int(width))
            # Of several pages, one that is too large is an error of its own, when it is decoded.
            if page_count == 1:
                self._check_size(reference, reference.height, reference.width)
            self.references.append(reference)

    def _check_size(self, reference: PageReference, height: int, width: int) -> None:
        if height * width > self._limits.max_page_pixels:
            raise PageTooLargeError(
                reference.document_name,
                f"{width} x {height} pixels is more than the {self._limits.max_page_pixels} pixels that this "
                "server decodes; send it smaller",
                page_number=reference.page_number,
            )

    def _next(self, position: int) -> DecodedPage:
        reference = self.references[position]
        self._interrupt.check()
        page = self._read(position, reference)
        of_document = self._warnings.pop(reference.document_index, ())
        if position + 1 < len(self.references):
            self._request(position + 1)
        return replace(page, warnings=of_document + page.warnings)

    def _read(self, position: int, reference: PageReference) -> DecodedPage:
        """Reads a page, a second time where the decoder died or stood still: that may be the machine's fault."""
        error: DocumentError
        for _ in range(2):
            self._request(position)
            try:
                return self._receive(reference)
            except DecoderOvertimeError:
                return DecodedPage(reference, None, self._stalled(*_where(reference)))
            except DecoderGoneError:
                error = self._crashed(*_where(reference))
            except DecoderStalledError:
                error = self._stalled(*_where(reference))
            self._requested = position - 1
        self._requested = position
        return DecodedPage(reference, None, error)

    def _request(self, position: int) -> None:
        """Asks for a page, and for its document when that is not the open one, unless that has happened."""
        reference = self.references[position]
        if position <= self._requested or reference.document_index in self._lost:
            return
        self._requested = position
        process = self._running()
        try:
            if reference.document_index != self._current_index:
                self._current_index = reference.document_index
                self._open_outstanding = True
                process.send_document(self._documents[reference.document_index])
            process.send("page", page=reference.page_number)
        except DecoderGoneError:
            pass  # Noticed, and reported for this page, when its answer is waited for.

    def _receive(self, reference: PageReference) -> DecodedPage:
        if reference.document_index in self._lost:
            return DecodedPage(reference, None, self._lost_page(reference))
        process = self._running()
        if self._open_outstanding:
            self._receive_open(process, reference)
        reply = process.receive(self._interrupt)
        if "error" in reply:
            lost = self._lost_page(reference)
            error = lost or document_error(
                reply["error"], reply["problem"], reference.document_name, reference.page_number
            )
            if reply["error"] == "memory":
                self._replace()  # What is left of its memory is in pieces.
            return DecodedPage(reference, None, error)
        return self._receive_pixels(process, reference, reply)

    def _receive_open(self, process: DecoderProcess, reference: PageReference) -> None:
        """Takes the answer of a document opened again; if that fails, its remaining pages are lost.

        Where the decoder died of it or stood still, when that happens for the second time.
        """
        index = reference.document_index
        try:
            reply = process.receive(self._interrupt)
        except (DecoderGoneError, DecoderStalledError) as failure:
            if index in self._died_in_open or isinstance(failure, DecoderOvertimeError):
                is_gone = isinstance(failure, DecoderGoneError)
                self._lost[index] = (DecoderCrashedError if is_gone else DecoderTimeoutError)(
                    reference.document_name, ""
                )
            self._died_in_open.add(index)
            raise
        self._open_outstanding = False
        if "error" in reply:
            self._lost[index] = document_error(reply["error"], reply["problem"], reference.document_name)

    def _lost_page(self, reference: PageReference) -> DocumentError | None:
        lost = self._lost.get(reference.document_index)
        if lost is None:
            return None
        problem = "its document could not be opened a second time"
        return type(lost)(reference.document_name, problem, page_number=reference.page_number)

    def _receive_pixels(
        self, process: DecoderProcess, reference: PageReference, reply: dict[str, Any]
    ) -> DecodedPage:
        height, width = int(reply["height"]), int(reply["width"])
        try:
            self._check_size(reference, height, width)
        except PageTooLargeError as error:  # The header said otherwise.
            self._replace()
            return DecodedPage(reference, None, error)
        pixels = process.receive_pixels(height, width, self._interrupt)
        return DecodedPage(
            replace(reference, height=height, width=width), pixels, warnings=warnings_of(reply)
        )

    def _crashed(self, document_name: str, page_number: int | None) -> DecoderCrashedError:
        # The request id, which every record carries, tells whose; file names are personal and not logged.
        logger.warning(
            "decoder_died", extra={"page_number": page_number, "how": self._running().last_words()}
        )
        self._replace()
        return DecoderCrashedError(
            document_name,
            "the decoder crashed on it twice; it is damaged or needs more memory than this server allows",
            page_number=page_number,
        )

    def _stalled(self, document_name: str, page_number: int | None) -> DecoderTimeoutError:
        logger.warning("decoder_stalled", extra={"page_number": page_number})
        self._replace()
        return DecoderTimeoutError(
            document_name,
            f"decoding it took longer than the {self._limits.page_decode_timeout_s:g} s this server allows, or the "
            "share of them that a page of its size is worth",
            page_number=page_number,
        )

    def _replace(self) -> None:
        self._process = self._pool.replace(self._running())
        self._current_index = None
        self._open_outstanding = False

    def _running(self) -> DecoderProcess:
        assert self._process is not None, "the documents are closed"  # noqa: S101 - a bug of the caller
        return self._process


def _where(reference: PageReference) -> tuple[str, int]:
    return reference.document_name, reference.page_number
