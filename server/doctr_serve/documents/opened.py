"""The documents of one request, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import sqrt
from types import TracebackType
from typing import Any

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents.failures import crashed, document_error, stalled
from doctr_serve.documents.inspection import Inspection
from doctr_serve.documents.lease import DecoderLease
from doctr_serve.documents.page_memory import HeldPage, PageMemory
from doctr_serve.documents.pages import (
    DecodedPage,
    DocumentLimits,
    PageReference,
    check_page_size,
    warnings_of,
)
from doctr_serve.documents.process import (
    DecoderGoneError,
    DecoderOvertimeError,
    DecoderProcess,
    DecoderStalledError,
    picture_size,
)
from doctr_serve.documents.source import SourceDocument
from doctr_serve.errors import DecoderCrashedError, DecoderTimeoutError, DocumentError, PageTooLargeError

__all__ = ["OpenedDocuments"]


class OpenedDocuments:
    """One request's documents, with a decoder process while they are at work.

    Made by :meth:`DecoderPool.open`; a context manager. Used by one thread at a time.

    Args:
        lease: the hold on a decoder process.
        documents: the files, in the order in which they are answered.
        inspection: what is known of them.
        limits: the bounds.
        interrupt: the request's stop signal.
        memory: for the pages' pixels.

    Attributes:
        references: every page that will be read, in order; a document that cannot be read is one entry.
    """

    def __init__(
        self,
        lease: DecoderLease,
        documents: Sequence[SourceDocument],
        inspection: Inspection,
        limits: DocumentLimits,
        interrupt: Interrupt,
        memory: PageMemory,
    ) -> None:
        self._lease = lease
        self._memory = memory
        self._documents = documents
        self._limits = limits
        self._interrupt = interrupt
        self._failures = inspection.failures
        # Those of each document as a whole, until its first page takes them.
        self._warnings = inspection.warnings
        self._current_index = inspection.open_document
        self._open_outstanding = False
        self._lost: dict[int, type[DocumentError]] = {}  # by document: what its remaining pages fail with
        self._died_in_open: set[int] = set()
        self._requested = -1
        self._delivered = -1
        self.references = inspection.references

    def __enter__(self) -> OpenedDocuments:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_id(self) -> int:
        """The operating system's number of the decoder process at work."""
        return self._lease.process.process_id

    def close(self) -> None:
        """Gives the decoder process and all memory back; safe to call again."""
        self._lease.close()
        self._memory.close()

    def park(self) -> None:
        """Lets others have the decoder process until the next :meth:`at_work`."""
        self._lease.park()

    def reserve(self) -> None:
        """Waits until there is memory for the next page; not in a turn, since those who have it may wait for one.

        Raises:
            StopSignal: the interrupt fired.
        """
        coming = range(self._delivered + 1, len(self.references))
        following = next((position for position in coming if position not in self._failures), None)
        if following is not None:
            height, width = self._shape(self.references[following])
            self._memory.reserve(height * width * 3)

    def shapes(self, start: int, count: int) -> list[tuple[int, int]]:
        """Returns height and width of ``count`` pages from one on, as far as their headers say and they have any."""
        positions = range(start, min(start + count, len(self.references)))
        return [
            self._shape(self.references[position]) for position in positions if position not in self._failures
        ]

    def _shape(self, reference: PageReference) -> tuple[int, int]:
        height, width = max(0, reference.height), max(0, reference.width)
        scale = min(1.0, sqrt(self._limits.max_page_pixels / max(1, height * width)))
        return int(height * scale), int(width * scale)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Holds a decoder process; outside of it others may have it, and what was open is opened again.

        Raises:
            StopSignal: the interrupt fired while all processes were at work.
        """
        if not self._lease.resume():
            self._current_index = None
            self._open_outstanding = False
            self._requested = self._delivered
        try:
            yield
        finally:
            self.park()

    def decode(self) -> Iterator[DecodedPage]:
        """Yields the pages in order; while the caller works on one, the decoder works on the next.

        A page that cannot be decoded comes with its error; those after it go on. This process holds only the
        page just yielded, and the decoder at most one more.

        Raises:
            StopSignal: the interrupt fired.
        """
        for position in range(len(self.references)):
            # No local variable keeps the page: it is the caller's, and freed when the caller is done.
            yield self._next(position)

    def _next(self, position: int) -> DecodedPage:
        reference = self.references[position]
        self._interrupt.check()
        if position in self._failures:
            page = DecodedPage(reference, None, self._failures[position])
        else:
            page = self._read(position, reference)
        self._delivered = position
        of_document = self._warnings.pop(reference.document_index, ())
        if position + 1 < len(self.references):
            self._request(position + 1)
        return replace(page, warnings=of_document + page.warnings)

    def _read(self, position: int, reference: PageReference) -> DecodedPage:
        """Reads a page, a second time where the decoder died or stood still: that may be the machine's fault."""
        error: DocumentError
        where = reference.document_name, reference.page_number
        for _ in range(2):
            self._request(position)
            try:
                return self._receive(reference)
            except DecoderOvertimeError:
                return DecodedPage(reference, None, self._after(stalled(*where, self._lease, self._limits)))
            except DecoderGoneError:
                error = self._after(crashed(*where, self._lease))
            except DecoderStalledError:
                error = self._after(stalled(*where, self._lease, self._limits))
            self._requested = position - 1
        self._requested = position
        return DecodedPage(reference, None, error)

    def _request(self, position: int) -> None:
        """Asks for a page, and for its document when that is not the open one, unless that has happened."""
        reference = self.references[position]
        is_lost = reference.document_index in self._lost or position in self._failures
        if position <= self._requested or is_lost:
            return
        self._requested = position
        process = self._lease.process
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
        process = self._lease.process
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
                self._lost[index] = DecoderCrashedError if is_gone else DecoderTimeoutError
            self._died_in_open.add(index)
            raise
        self._open_outstanding = False
        if "error" in reply:
            self._lost[index] = type(
                document_error(reply["error"], reply["problem"], reference.document_name)
            )

    def _lost_page(self, reference: PageReference) -> DocumentError | None:
        lost = self._lost.get(reference.document_index)
        if lost is None:
            return None
        problem = "its document could not be opened a second time"
        return lost(reference.document_name, problem, page_number=reference.page_number)

    def _receive_pixels(
        self, process: DecoderProcess, reference: PageReference, reply: dict[str, Any]
    ) -> DecodedPage:
        height, width = picture_size(reply)
        try:
            check_page_size(reference, height, width, self._limits)
        except PageTooLargeError as error:  # The header said otherwise.
            self._replace()
            return DecodedPage(reference, None, error)
        pixels = self._memory.allocate(height, width)
        try:
            process.receive_pixels(pixels, self._interrupt)
        except BaseException:
            self._memory.release(pixels.nbytes)
            raise
        held = HeldPage(self._memory, pixels.nbytes)
        return DecodedPage(
            replace(reference, height=height, width=width),
            pixels,
            warnings=warnings_of(reply),
            keep=held.keep,
            release=held.release,
        )

    def _after(self, error: DocumentError) -> DocumentError:
        """Returns the error of a process that is gone; in its place there is a fresh one, with nothing open."""
        self._current_index = None
        self._open_outstanding = False
        return error

    def _replace(self) -> None:
        self._lease.replace()
        self._current_index = None
        self._open_outstanding = False
