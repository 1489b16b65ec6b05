"""One bound for the memory that all requests share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from doctr_serve.common.interrupt import Interrupt

__all__ = ["MemoryBudget"]


class MemoryBudget:
    """Bytes that are handed out and come back. Thread-safe.

    Whoever waits for bytes should hold none, and nothing that those who hold them wait for: else all could wait for
    each other.

    Args:
        total_bytes: bytes in all.
    """

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self._held_bytes = 0
        self._condition = threading.Condition()

    @property
    def held_bytes(self) -> int:
        """Bytes that are handed out now."""
        with self._condition:
            return self._held_bytes

    def take(self, size_bytes: int, interrupt: Interrupt) -> None:
        """Waits until there is room; what is larger than the whole budget waits until nothing else is held.

        Raises:
            StopSignal: the request was stopped while it waited.
        """
        with self._condition:
            interrupt.wait(lambda seconds: self._condition.wait_for(lambda: self._fits(size_bytes), seconds))
            self._held_bytes += size_bytes

    @contextmanager
    def held(self, size_bytes: int, interrupt: Interrupt) -> Iterator[None]:
        """Holds bytes within the block; waits for them as :meth:`take` does."""
        self.take(size_bytes, interrupt)
        try:
            yield
        finally:
            self.give_back(size_bytes)

    def try_take(self, size_bytes: int) -> bool:
        """Takes bytes where there is room now; returns whether there was."""
        with self._condition:
            fits = self._held_bytes + size_bytes <= self.total_bytes
            self._held_bytes += size_bytes * fits
            return fits

    def add(self, size_bytes: int) -> None:
        """Counts bytes that are taken whether or not there is room."""
        with self._condition:
            self._held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Returns bytes."""
        with self._condition:
            self._held_bytes -= size_bytes
            self._condition.notify_all()

    def _fits(self, size_bytes: int) -> bool:
        return self._held_bytes == 0 or self._held_bytes + size_bytes <= self.total_bytes
