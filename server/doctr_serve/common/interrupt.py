"""One request's stop signal: cancelled by its caller, or past its deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

from doctr_serve.errors import DeadlineExceeded, RequestCancelled, StopSignal

__all__ = ["Interrupt"]

POLL_INTERVAL_S = 0.05
"""Longest time from a stop signal until a wait ends."""


class Interrupt:
    """Tells the threads that work on a request when to stop.

    Work calls :meth:`check` between its steps, and :meth:`wait` wherever it waits for something else.

    Args:
        timeout_s: seconds from now until the deadline; None for no deadline.
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        self._signal: Callable[[], StopSignal] | None = None
        self._timeout_s = timeout_s
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s

    def cancel(self) -> None:
        """Stops the request: the caller is gone. Safe from any thread, any number of times."""
        self.stop(lambda: RequestCancelled("the caller cancelled the request"))

    def stop(self, signal: Callable[[], StopSignal]) -> None:
        """Stops the request, where it has not been stopped before.

        Args:
            signal: makes what is raised, anew each time: one that is kept would keep the frames that it came through.
        """
        self._signal = self._signal or signal

    def check(self) -> None:
        """Returns at once while the request may go on.

        Raises:
            RequestCancelled: the caller cancelled.
            DeadlineExceeded: the deadline passed.
            StopSignal: another one, which :meth:`stop` was told.
        """
        if self._signal is not None:
            raise self._signal()
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise DeadlineExceeded(
                f"the request did not finish within {self._timeout_s:.3g} s; send fewer pages, raise the call's "
                "deadline, or ask the operator to raise request_timeout_s"
            )

    def wait(self, until: Callable[[float], object], *, timeout_s: float | None = None) -> bool:
        """Waits until something has come about, or the request is stopped.

        Args:
            until: waits at most the given seconds, and returns whether it has come about: ``event.wait``,
                ``lambda s: condition.wait_for(ready, s)``.
            timeout_s: longest time to wait; None for as long as the request lives.

        Returns:
            True once it has come about; False when ``timeout_s`` passed before.

        Raises:
            RequestCancelled: the caller cancelled before.
            DeadlineExceeded: the request's deadline passed before.
        """
        self.check()
        give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            remaining_s = POLL_INTERVAL_S if give_up_at is None else give_up_at - time.monotonic()
            if until(min(POLL_INTERVAL_S, max(0.0, remaining_s))):
                return True
            self.check()
            if give_up_at is not None and time.monotonic() >= give_up_at:
                return False

    def remaining_s(self) -> float | None:
        """Seconds until the deadline, 0 when it passed; None without one."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
