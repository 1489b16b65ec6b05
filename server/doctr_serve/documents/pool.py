"""The decoder processes of a server."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.memory_budget import MemoryBudget
from doctr_serve.documents.inspection import inspect
from doctr_serve.documents.lease import DecoderLease
from doctr_serve.documents.opened import OpenedDocuments
from doctr_serve.documents.page_memory import PageMemory
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
        settings: ``max_decoder_processes``; ``max_concurrent_requests`` of them are started by :meth:`warm`; see
            DocumentLimits for the bounds.
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
        self._size = max(settings.max_decoder_processes, settings.max_concurrent_requests)
        self._warm_size = settings.max_concurrent_requests
        self.limits = DocumentLimits.from_settings(settings)
        self._documents_per_process = documents_per_process
        self._worker_command = tuple(worker_command)
        self._page_memory = MemoryBudget(settings.page_memory_bytes)
        self._condition = threading.Condition()
        self._idle: list[DecoderProcess] = []
        self._parked: OrderedDict[DecoderLease, DecoderProcess] = OrderedDict()
        self._in_use = 0
        self._closed = False

    def open(
        self, documents: Sequence[SourceDocument], *, pages: str = "", interrupt: Interrupt
    ) -> OpenedDocuments:
        """Looks at the headers of a request's documents; nothing is decoded yet.

        Args:
            documents: the files, in the order in which they are answered.
            pages: 1-based numbers and ranges, "1-3,7" or "5-"; "" for all. Holds for every PDF and TIFF; a
                file of another format is a single picture and always read.
            interrupt: the request's stop signal.

        Returns:
            The opened documents; use them as a context manager, they hold a decoder process.

        Raises:
            NoDocumentsError: ``documents`` is empty.
            RequestTooLargeError: too many documents or pages.
            InvalidOptionError: ``pages`` is malformed or selects nothing of any document.
            DocumentError: no document can be read; the first one's error. Of several documents those that can
                are, and the others are entries with an error.
            RequestCancelled: ``interrupt`` fired.
            DeadlineExceeded: ``interrupt`` fired.
        """
        selection = PageSelection(pages)
        quota = DocumentQuota(self.limits.max_documents)
        quota.take(len(documents))
        quota.check_not_empty()
        lease = DecoderLease(self, interrupt)
        try:
            inspection = inspect(documents, selection, lease, self.limits, interrupt)
            memory = PageMemory(self._page_memory, interrupt)
            return OpenedDocuments(lease, documents, inspection, self.limits, interrupt, memory)
        except BaseException:
            lease.close()
            raise

    def warm(self) -> None:
        """Starts a process for each request that is worked on at once, and waits until all of them answer.

        Raises:
            InternalError: a process does not come up, perhaps because ``decoder_memory_bytes`` is too small.
        """
        interrupt = Interrupt()
        processes: list[DecoderProcess] = []
        try:
            for _ in range(self._warm_size):
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
            process, is_parked = self._take()
        try:
            if process is None:
                return self._start()
            # Of a parked one the document is closed first, and what it still owes is taken.
            if process.is_alive() and (not is_parked or self._is_reusable(process)):
                return process
            return self.replace(process)
        except BaseException:
            self._leave(None)
            raise

    def park(self, lease: DecoderLease, process: DecoderProcess) -> None:
        """Takes a process that its request does not need now, its document left open; others may have it."""
        with self._condition:
            self._in_use -= 1
            is_closed = self._closed
            if not is_closed:
                self._parked[lease] = process
            self._condition.notify()
        if is_closed:
            process.stop()

    def reclaim(self, lease: DecoderLease) -> DecoderProcess | None:
        """Returns the parked process to its request; None where somebody else has it by now."""
        with self._condition:
            process = self._parked.pop(lease, None)
            if process is not None:
                self._in_use += 1
        return process

    def release(self, process: DecoderProcess) -> None:
        """Takes a process back; one that still owes an answer, died or has served its time is replaced."""
        kept: DecoderProcess | None = None
        try:
            if self._is_reusable(process):
                kept = process
                return
            # Now, so that the next request does not wait for its start.
            kept = self.replace(process)
        except InternalError:
            logger.exception("a decoder process could not be replaced; the next request tries again")
        finally:
            self._leave(kept)

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
        """Ends the processes that nobody works with; those in use end when they are released."""
        with self._condition:
            self._closed = True
            idle = [*self._idle, *self._parked.values()]
            self._idle.clear()
            self._parked.clear()
        for process in idle:
            process.stop()

    def _has_free(self) -> bool:
        return self._in_use < self._size or self._closed

    def _take(self) -> tuple[DecoderProcess | None, bool]:
        """A process that exists and may be had, and whether a request parked it; None to start one."""
        if self._idle:
            return self._idle.pop(), False
        # `_in_use` counts the one that is to be had already.
        if self._in_use + len(self._parked) <= self._size or not self._parked:
            return None, False
        _, process = self._parked.popitem(last=False)
        return process, True

    def _start(self) -> DecoderProcess:
        return DecoderProcess(
            self.limits.decoder_memory_bytes,
            self.limits.page_decode_timeout_s,
            self.limits.max_page_pixels,
            self.limits.max_scan_pixels,
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
