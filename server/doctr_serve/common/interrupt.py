"""One request's stop signal: cancelled by its caller, or past its deadline."""

from __future__ import annotations

import threading
import time

from doctr_serve.errors import DeadlineExceededError, RequestCancelledError

__all__ = ["Interrupt"]

POLL_INTERVAL_S = 0.05


class Interrupt:
    """Tells the threads that work on a request when to stop.

    Work calls :meth:`check` between its steps; a wait for something else calls it at least every
    ``POLL_INTERVAL_S``.

    Args:
        timeout_s: seconds from now until the deadline; None for no deadline.
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        self._cancelled = threading.Event()
        self._timeout_s = timeout_s
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s

    def cancel(self) -> None:
        """Stops the request: the caller is gone. Safe from any thread, any number of times."""
        self._cancelled.set()

    def check(self) -> None:
        """Returns at once while the request may go on.

        Raises:
            RequestCancelledError: the caller cancelled.
            DeadlineExceededError: the deadline passed.
        """
        if self._cancelled.is_set():
            raise RequestCancelledError("the caller cancelled the request")
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise DeadlineExceededError(
                f"the request did not finish within {self._timeout_s:.3g} s; send fewer pages, raise the call's "
                "deadline, or ask the operator to raise request_timeout_s"
            )

    def remaining_s(self) -> float | None:
        """Seconds until the deadline, 0 when it passed; None without one."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
