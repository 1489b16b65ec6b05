"""The server's own pool of decoder processes; knows which of them are lent and which wait."""

from __future__ import annotations

import threading
from typing import Any

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import DecoderPool
from doctr_serve.documents.process import DecoderProcess

__all__ = ["WatchedPool"]


class WatchedPool(DecoderPool):
    """Attributes:
    lent: processes that requests hold now.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._watch = threading.Lock()
        self._seen: list[DecoderProcess] = []
        self._lent: list[DecoderProcess] = []

    @property
    def lent(self) -> int:
        with self._watch:
            return len(self._lent)

    def acquire(self, interrupt: Interrupt) -> DecoderProcess:
        process = super().acquire(interrupt)
        with self._watch:
            self._seen.append(process)
            self._lent.append(process)
        return process

    def replace(self, process: DecoderProcess) -> DecoderProcess:
        fresh = super().replace(process)
        with self._watch:
            self._seen.append(fresh)
            self._lent[self._lent.index(process)] = fresh
        return fresh

    def release(self, process: DecoderProcess) -> None:
        with self._watch:
            place = self._lent.index(process)
        super().release(process)
        with self._watch:
            del self._lent[place]

    def idle_process_ids(self) -> list[int]:
        """Process ids of those that live and wait for a request."""
        with self._watch:
            idle = {process.process_id: process for process in self._seen if process not in self._lent}
        return sorted(number for number, process in idle.items() if process.is_alive())
