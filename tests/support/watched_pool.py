"""The server's own pool of decoder processes; knows which of them are lent and which wait."""

from __future__ import annotations

import threading
from typing import Any

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import DecoderPool
from doctr_serve.documents.lease import DecoderLease
from doctr_serve.documents.process import DecoderProcess

__all__ = ["WatchedPool"]


class WatchedPool(DecoderPool):
    """Attributes:
    seen: every process that there was.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._watch = threading.Lock()
        self._at_work: list[DecoderProcess] = []
        self._aside: list[DecoderProcess] = []
        self._returning = 0
        self.seen: list[DecoderProcess] = []

    @property
    def lent(self) -> int:
        """Processes that requests hold now, at work or parked."""
        with self._watch:
            return len(self._at_work) + len(self._aside) + self._returning

    def acquire(self, interrupt: Interrupt) -> DecoderProcess:
        process = super().acquire(interrupt)
        with self._watch:
            _drop(self._aside, process)
            self.seen.append(process)
            self._at_work.append(process)
        return process

    def replace(self, process: DecoderProcess) -> DecoderProcess:
        fresh = super().replace(process)
        with self._watch:
            self.seen.append(fresh)
            _drop(self._aside, process)
            if process in self._at_work:
                self._at_work[self._at_work.index(process)] = fresh
        return fresh

    def park(self, lease: DecoderLease, process: DecoderProcess) -> None:
        with self._watch:
            _drop(self._at_work, process)
            self._aside.append(process)
        super().park(lease, process)

    def reclaim(self, lease: DecoderLease) -> DecoderProcess | None:
        process = super().reclaim(lease)
        with self._watch:
            if process is not None:
                _drop(self._aside, process)
                self._at_work.append(process)
        return process

    def release(self, process: DecoderProcess) -> None:
        with self._watch:
            _drop(self._at_work, process)
            self._returning += 1
        super().release(process)
        with self._watch:
            self._returning -= 1

    def idle_process_ids(self) -> list[int]:
        """Process ids of those that live and wait for a request."""
        with self._watch:
            held = [*self._at_work, *self._aside]
            idle = {process.process_id: process for process in self.seen if process not in held}
        return sorted(number for number, process in idle.items() if process.is_alive())


def _drop(processes: list[DecoderProcess], process: DecoderProcess) -> None:
    if process in processes:
        processes.remove(process)
