"""The pixels of one request's pages, counted against the budget of all requests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.memory_budget import MemoryBudget

__all__ = ["HeldPage", "PageMemory"]


class PageMemory:
    """Allocates pages. Used by one thread at a time.

    A request waits for room, in :meth:`reserve`, while it holds no page, no turn and no decoder: those who hold the
    bytes may need one of these to give them back. Once it has room it is given more at once; how much more is bounded
    elsewhere (a batch's pixels).

    Args:
        budget: bytes for the pages of all requests.
        interrupt: the request's stop signal.
    """

    def __init__(self, budget: MemoryBudget, interrupt: Interrupt) -> None:
        self._budget = budget
        self._interrupt = interrupt
        self._held_bytes = 0
        self._reserved_bytes = 0

    def reserve(self, size_bytes: int) -> None:
        """Waits until there is room for a request's next page, unless it has a page or room already.

        Raises:
            StopSignal: the request was stopped while it waited.
        """
        if not (self._held_bytes or self._reserved_bytes):
            self._budget.take(size_bytes, self._interrupt)
            self._reserved_bytes = size_bytes

    def allocate(self, height: int, width: int) -> NDArray[np.uint8]:
        """Returns room for a page, (height, width, 3) uint8, at once: what was reserved, and more where need be."""
        self.add(height * width * 3)
        self._give_back_reserved()
        return np.empty((height, width, 3), np.uint8)

    def add(self, size_bytes: int) -> None:
        """Counts bytes that are held whether or not there is room."""
        self._budget.add(size_bytes)
        self._held_bytes += size_bytes

    def release(self, size_bytes: int) -> None:
        """Gives a page's bytes back: its pixels go, or go out of the server's hands."""
        size_bytes = min(size_bytes, self._held_bytes)
        self._held_bytes -= size_bytes
        self._budget.give_back(size_bytes)

    def close(self) -> None:
        """Gives back whatever is still held."""
        self._give_back_reserved()
        self.release(self._held_bytes)

    def _give_back_reserved(self) -> None:
        self._budget.give_back(self._reserved_bytes)
        self._reserved_bytes = 0


class HeldPage:
    """The bytes of one page.

    Args:
        memory: of its request, which has counted them.
        size_bytes: the page's.
    """

    def __init__(self, memory: PageMemory, size_bytes: int) -> None:
        self._memory = memory
        self._size_bytes = size_bytes

    def keep(self, size_bytes: int) -> None:
        """Counts bytes that are held with the page until it is released."""
        self._memory.add(size_bytes)
        self._size_bytes += size_bytes

    def release(self) -> None:
        """Gives everything back; safe to call again."""
        self._memory.release(self._size_bytes)
        self._size_bytes = 0
