"""Who gets in: a bounded number of requests in flight, fewer worked on at once, none while draining."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing
from doctr_serve.errors import NotReadyError, QueueFullError, ShuttingDownError
from doctr_serve.reading.arrivals import Arrival, Arrivals
from doctr_serve.reading.turns import PageTurns, Turns

__all__ = ["Admission"]

SMOOTHING = 0.2
"""Weight of the newest request in the mean duration that the retry delay is estimated from."""
MAX_RETRY_AFTER_S = 60.0


class Admission:
    """Admits requests, and gives them their turns.

    Args:
        max_concurrent_requests: requests worked on at once.
        max_queued_requests: requests that may wait beyond these.
        max_uploads: requests that may still be arriving beside these.
        min_upload_bytes_per_s: slowest rate at which one may arrive.
        clock: seconds that only ever grow; requests' durations are taken by it.
    """

    def __init__(
        self,
        *,
        max_concurrent_requests: int,
        max_queued_requests: int,
        max_uploads: int = 1,
        min_upload_bytes_per_s: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_in_flight = max_concurrent_requests + max_queued_requests
        self._turns = PageTurns(max_concurrent_requests)
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._arrivals = Arrivals(max_uploads, min_upload_bytes_per_s, clock)
        self._in_flight = 0
        self._mean_duration_s = 1.0
        self._clock = clock
        self._is_ready = False
        self._is_draining = False

    def set_ready(self) -> None:
        """Lets requests in: the models are loaded."""
        with self._lock:
            self._is_ready = True

    def drain(self) -> None:
        """Refuses every new request from now on."""
        with self._lock:
            self._is_draining = True

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Returns True as soon as no request is in flight, False when ``timeout_s`` passed before."""
        with self._idle:
            return self._idle.wait_for(lambda: self._in_flight + len(self._arrivals) == 0, timeout=timeout_s)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Holds one of the bounded places of requests in flight.

        Raises:
            NotReadyError: before :meth:`set_ready`.
            ShuttingDownError: after :meth:`drain`.
            QueueFullError: no place is free; ``retry_after_s`` estimates when one will be.
        """
        with self._lock:
            self._refuse_if_closed()
        with self._place():
            yield

    @contextmanager
    def arrival(self, interrupt: Interrupt, caller: str = "") -> Iterator[Arrival]:
        """Lets a request arrive without a place: however slowly it comes, it keeps out none that has arrived.

        Args:
            interrupt: the request's stop signal; one that comes slowly is stopped when others need its room.
            caller: whose it is.

        Yields:
            The arrival; it has a place, once it is here, also while the server drains.

        Raises:
            NotReadyError: before :meth:`set_ready`.
            ShuttingDownError: after :meth:`drain`.
            QueueFullError: too many are arriving, or there would be no place for it now.
        """
        with self._lock:
            self._refuse_if_closed()
            self._refuse_if_full()
            arrival = self._arrivals.add(interrupt, self._place, caller)
            if arrival is None:
                raise self._full(f"{len(self._arrivals)} requests are arriving", "max_uploads")
        try:
            yield arrival
        finally:
            with self._idle:
                self._arrivals.remove(arrival)
                self._idle.notify_all()

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._lock:
            self._refuse_if_full()
            self._in_flight += 1
        try:
            yield
        finally:
            with self._idle:
                self._in_flight -= 1
                self._idle.notify_all()

    def turns(self, standing: Standing, interrupt: Interrupt) -> Turns:
        """Returns the turns of one request."""
        return Turns(self._turns, standing, interrupt, clock=self._clock, note_duration=self._note_duration)

    def _note_duration(self, seconds: float) -> None:
        with self._lock:
            self._mean_duration_s += SMOOTHING * (seconds - self._mean_duration_s)

    def _refuse_if_closed(self) -> None:
        if self._is_draining:
            raise ShuttingDownError(
                "the server is shutting down; retry on another replica, or later", retry_after_s=1
            )
        if not self._is_ready:
            raise NotReadyError(
                "the server is loading its models; retry when its health is SERVING", retry_after_s=1
            )

    def _refuse_if_full(self) -> None:
        if self._in_flight >= self._max_in_flight:
            raise self._full(f"{self._in_flight} requests are in flight", "max_queued_requests")

    def _full(self, what: str, setting: str) -> QueueFullError:
        return QueueFullError(
            f"{what} already; retry later, or ask the operator to raise {setting}",
            retry_after_s=self._retry_after_s(),
        )

    def _retry_after_s(self) -> float:
        before = (self._turns.waiting + 1) / self._turns.at_once
        return min(MAX_RETRY_AFTER_S, max(0.1, self._mean_duration_s * before))
