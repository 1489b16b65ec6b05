"""When a failed call is tried again, and after how long.

gRPC's own retry policy (service config) is not used: it cannot read ``RetryInfo``, it would also retry a
request that is too large (the same RESOURCE_EXHAUSTED), and it gives up on any request above its retry buffer
of 256 KiB (``grpc.per_rpc_retry_buffer_size``), which nearly every document is.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from tenacity import RetryCallState, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_base, wait_random, wait_random_exponential

from doctr_serve_client.errors import OCRError, QueueFullError, ServerUnavailableError

__all__ = ["Deadline", "retry_arguments"]

log = logging.getLogger("doctr_serve_client")

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 10.0

LONGEST_CALL_S = 365 * 24 * 3600.0
"""gRPC counts nanoseconds since 1970 in 64 bits, and takes a deadline beyond these (infinity) for one that passed."""


class Deadline:
    """The end of a call, over all its attempts.

    Args:
        timeout_s: seconds from now; infinity where there is no end.

    Raises:
        ValueError: a timeout that is not positive.
    """

    def __init__(self, timeout_s: float) -> None:
        if not timeout_s > 0:
            raise ValueError(f"timeout_s must be positive, not {timeout_s!r}")
        self.timeout_s = timeout_s
        self._end = time.monotonic() + min(timeout_s, LONGEST_CALL_S)

    def remaining_s(self) -> float:
        """Seconds left, 0 when none."""
        return max(0.0, self._end - time.monotonic())


class _Wait(wait_base):
    """The server's own ``RetryInfo`` where it sent one, else exponential backoff; jitter on both."""

    _backoff = wait_random_exponential(multiplier=FIRST_BACKOFF_S, max=MAX_BACKOFF_S, min=FIRST_BACKOFF_S / 2)
    _jitter = wait_random(0, FIRST_BACKOFF_S)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, OCRError) and error.retry_after_s is not None:
            return error.retry_after_s + self._jitter(retry_state)
        return self._backoff(retry_state)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, ServerUnavailableError | QueueFullError)


def _log_retry(retry_state: RetryCallState) -> None:
    error = retry_state.outcome.exception() if retry_state.outcome else None
    log.info(
        "%s; attempt %d follows in %.1f s", error, retry_state.attempt_number + 1, retry_state.upcoming_sleep
    )


def retry_arguments(max_attempts: int, deadline: Deadline) -> dict[str, Any]:
    """Arguments for tenacity's ``Retrying`` and ``AsyncRetrying``.

    Args:
        max_attempts: attempts in all, the first one included.
        deadline: of all attempts and the pauses between them; a pause that would end later is not made, and
            the last error is raised.
    """
    return {
        "retry": retry_if_exception(_is_transient),
        "wait": _Wait(),
        "stop": stop_after_attempt(max_attempts) | stop_before_delay(deadline.remaining_s()),
        "before_sleep": _log_retry,
        "reraise": True,
    }
