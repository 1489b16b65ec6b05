"""Whose page is next: the turns to work, given page by page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from doctr_serve.common.fair_queue import FairQueue
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing

__all__ = ["PageTurns", "Turns"]


class PageTurns:
    """A bounded number of pages worked on at once, fairly chosen (see :class:`FairQueue`). Thread-safe.

    One of the turns is for requests that have had no page yet, where there is more than one: such a request need not
    wait until a page of a long document is done.

    Args:
        at_once: turns at the same time.
    """

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self._at_once_not_new = max(1, at_once - 1)
        self._lock = threading.Lock()
        self._queue: FairQueue[_Ticket] = FairQueue()
        self._working = 0
        self._working_not_new = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a turn now."""
        with self._lock:
            return len(self._queue)

    @contextmanager
    def turn(self, standing: Standing, interrupt: Interrupt) -> Iterator[None]:
        """Waits for a turn, and holds it.

        Raises:
            StopSignal: the request was stopped while it waited.
        """
        ticket = _Ticket(standing.is_new)
        with self._lock:
            number = self._queue.push(ticket, standing)
            self._give()
        try:
            interrupt.wait(ticket.given.wait)
            yield
        finally:
            with self._lock:
                if not self._queue.remove(number):  # else it was stopped before its turn came
                    self._working -= 1
                    self._working_not_new -= not ticket.is_new
                self._give()

    def _give(self) -> None:
        while self._working < self.at_once:
            ticket = self._queue.pop(self._may_work)
            if ticket is None:
                return
            self._working += 1
            self._working_not_new += not ticket.is_new
            ticket.given.set()

    def _may_work(self, ticket: _Ticket) -> bool:
        return ticket.is_new or self._working_not_new < self._at_once_not_new


class _Ticket:
    """One request's wait for one turn."""

    def __init__(self, is_new: bool) -> None:
        self.is_new = is_new
        self.given = threading.Event()


class Turns:
    """The turns of one request: a page's work each. Made by :meth:`Admission.turns`.

    Args:
        turns: gives them.
        standing: of the request.
        interrupt: the request's stop signal.
        clock: seconds that only ever grow.
        note_duration: takes the seconds that the request was worked on, when it ends.
    """

    def __init__(
        self,
        turns: PageTurns,
        standing: Standing,
        interrupt: Interrupt,
        *,
        clock: Callable[[], float] = time.monotonic,
        note_duration: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._turns = turns
        self._standing = standing
        self._interrupt = interrupt
        self._clock = clock
        self._note_duration = note_duration
        self._worked_s = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits for a turn, and holds it.

        Raises:
            RequestCancelled: cancelled while it waited.
            DeadlineExceeded: the deadline passed while it waited.
        """
        with self._turns.turn(self._standing, self._interrupt):
            started = self._clock()
            try:
                yield
            finally:
                self._worked_s += self._clock() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._note_duration(self._worked_s)
