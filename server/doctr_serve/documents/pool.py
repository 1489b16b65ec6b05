"""The decoder processes of a server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents.opened import OpenedDocuments
from doctr_serve.documents.page_selection import PageSelection
from doctr_serve.documents.pages import DocumentLimits
from doctr_serve.documents.process import (
    WORKER_COMMAND,
    DecoderGoneError,
    DecoderProcess,
    DecoderStalledError,
)
from doctr_serve.documents.quota import DocumentQuota
from doctr_serve.documents.source import SourceDocument
from doctr_serve.errors import InternalError, ShuttingDownError
from doctr_serve.settings import Settings

__all__ = ["DecoderPool"]

logger = logging.getLogger(__name__)

# Parsers leak and fragment memory; a fresh process costs a tenth of a second.
DOCUMENTS_PER_PROCESS = 500

# A caller that leaves early leaves a page behind that is decoded already, or soon will be: waiting that long for it
# costs less than a fresh process.
DRAIN_TIMEOUT_S = 0.2


class DecoderPool:
    """Decoder processes, started when they are first needed and replaced when they fail. Thread-safe.

    Attributes:
        limits: the bounds of one request's documents.

    Args:
        settings: ``max_concurrent_requests`` is the number of processes; see DocumentLimits for the bounds.
        documents_per_process: documents after which a process is replaced.
        worker_command: what to start as a process; tests start workers that fail on purpose.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        documents_per_process: int = DOCUMENTS_PER_PROCESS,
        worker_command: Sequence[str] = WORKER_COMMAND,
    ) -> None:
        self._size = settings.max_concurrent_requests
        self.limits = DocumentLimits.from_settings(settings)
        self._documents_per_process = documents_per_process
        self._worker_command = tuple(worker_command)
        self._condition = threading.Condition()
        self._idle: list[DecoderProcess] = []
        self._in_use = 0
        self._closed = False

    def open(
        self, documents: Sequence[SourceDocument], *, pages: str = "", interrupt: Interrupt
    ) -> OpenedDocuments:
        """Looks at the headers of a request's documents; nothing is decoded yet.

        Args:
            documents: the files, in the order in which they are answered.
            pages: 1-based numbers and ranges, "1-3,7" or "5-"; "" for all. Holds for every PDF and TIFF; a
                JPEG, PNG or WebP is a single picture and always read.
            interrupt: the request's stop signal.

        Returns:
            The opened documents; use them as a context manager, they hold a decoder process.

        Raises:
            NoDocumentsError: ``documents`` is empty.
            RequestTooLargeError: too many documents or pages.
            InvalidOptionError: ``pages`` is malformed or selects nothing of a document.
            DocumentError: a document cannot be read (its subclass says why), or a page of it is too large.
            RequestCancelled: ``interrupt`` fired.
            DeadlineExceeded: ``interrupt`` fired.
        """
        selection = PageSelection(pages)
        quota = DocumentQuota(self.limits.max_documents)
        quota.take(len(documents))
        quota.check_not_empty()
        opened = OpenedDocuments(self.acquire(interrupt), self, documents, self.limits, interrupt)
        try:
            opened.inspect(selection)
        except BaseException:
            opened.close()
            raise
        return opened

    def warm(self) -> None:
        """Starts every process and waits until each of them answers.

        Raises:
            InternalError: a process does not come up, perhaps because ``decoder_memory_bytes`` is too small.
        """
        interrupt = Interrupt()
        processes: list[DecoderProcess] = []
        try:
            for _ in range(self._size):
                processes.append(self.acquire(interrupt))
            for process in processes:
                process.send("ping")
            for process in processes:
                process.receive(interrupt)
        except (DecoderGoneError, DecoderStalledError) as error:
            raise InternalError(
                "a decoder process does not start; is decoder_memory_bytes too small?"
            ) from error
        finally:
            for process in processes:
                self.release(process)

    def acquire(self, interrupt: Interrupt) -> DecoderProcess:
        """Returns a process for the caller alone; waits for one when all are in use."""
        with self._condition:
            interrupt.wait(lambda seconds: self._condition.wait_for(self._has_free, seconds))
            if self._closed:
                raise ShuttingDownError("the server is shutting down; send the request to another replica")
            self._in_use += 1
            process = self._idle.pop() if self._idle else None
        try:
            if process is not None and process.is_alive():
                return process
            if process is not None:
                process.stop()
            return self._start()
        except BaseException:
            self._leave(None)
            raise

    def release(self, process: DecoderProcess) -> None:
        """Takes a process back; one that still owes an answer, died or has served its time is replaced."""
        if self._is_reusable(process):
            self._leave(process)
            return
        fresh: DecoderProcess | None = None
        try:
            # Now, so that the next request does not wait for its start.
            fresh = self.replace(process)
        except InternalError:
            logger.exception("a decoder process could not be replaced; the next request tries again")
        finally:
            self._leave(fresh)

    def _is_reusable(self, process: DecoderProcess) -> bool:
        """Whether the process is fit for another request; if so, it has closed the last one's document."""
        if process.documents_opened >= self._documents_per_process or not process.drain(DRAIN_TIMEOUT_S):
            return False
        try:
            process.send("close")
            process.receive(Interrupt())
        except (DecoderGoneError, DecoderStalledError):
            return False
        return True

    def replace(self, process: DecoderProcess) -> DecoderProcess:
        """Ends a process in use and returns a fresh one in its place."""
        process.stop()
        return self._start()

    def close(self) -> None:
        """Ends the idle processes; those in use end when they are released."""
        with self._condition:
            self._closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.stop()

    def _has_free(self) -> bool:
        return self._in_use < self._size or self._closed

    def _start(self) -> DecoderProcess:
        return DecoderProcess(
            self.limits.decoder_memory_bytes,
            self.limits.page_decode_timeout_s,
            self.limits.max_page_pixels,
            self._worker_command,
        )

    def _leave(self, process: DecoderProcess | None) -> None:
        with self._condition:
            self._in_use -= 1
            keep = process is not None and not self._closed
            if process is not None and keep:
                self._idle.append(process)
            self._condition.notify()
        if process is not None and not keep:
            process.stop()
