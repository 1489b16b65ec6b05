"""The signals that ask a command to stop, counted."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

__all__ = ["StopSignals"]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Counts SIGINT, SIGTERM and SIGHUP; a context manager, to be used in the main thread.

    To be polled. A handler runs between any two steps of the main thread, even inside ``threading.Event.wait``, whose
    lock ``Event.set`` takes: called from the handler it would wait for itself.

    Attributes:
        count: signals since the context was entered.
    """

    def __init__(self) -> None:
        self.count = 0
        self._previous_handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        for number in SIGNALS:
            self._previous_handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
