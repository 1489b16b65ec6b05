"""Calls whose answers are still on their way: a server that stops must not cut them off."""

from __future__ import annotations

import threading

import grpc

__all__ = ["OpenCalls"]


class OpenCalls:
    """Counts calls from their start until grpc has sent the last byte of their answer. Thread-safe."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def add(self, context: grpc.ServicerContext) -> None:
        """Counts a call until it ends."""
        with self._condition:
            self._count += 1
        if not context.add_callback(self._remove):
            self._remove()

    def wait_until_none(self, timeout_s: float) -> bool:
        """Returns True as soon as no call is open, False when ``timeout_s`` passed before."""
        with self._condition:
            return self._condition.wait_for(lambda: self._count == 0, timeout_s)

    def _remove(self) -> None:
        with self._condition:
            self._count -= 1
            self._condition.notify_all()
