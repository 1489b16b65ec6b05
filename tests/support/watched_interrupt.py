"""An interrupt that tells when its request has begun to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable

from doctr_serve.common.interrupt import Interrupt

__all__ = ["WatchedInterrupt"]


class WatchedInterrupt(Interrupt):
    """The real one.

    Attributes:
        waiting: set once a wait has looked for what it waits for, and it was not there.
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        super().__init__(timeout_s)
        self.waiting = threading.Event()

    def wait(self, until: Callable[[float], object], *, timeout_s: float | None = None) -> bool:
        def watched(seconds: float) -> object:
            if until(0):
                return True
            self.waiting.set()
            return until(seconds)

        return super().wait(watched, timeout_s=timeout_s)
