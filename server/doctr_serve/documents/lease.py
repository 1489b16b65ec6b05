"""A decoder process lent to one request: its own while it works, and there for others while it does not."""

from __future__ import annotations

from typing import Protocol

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents.process import DecoderProcess

__all__ = ["DecoderLease"]


class ProcessLender(Protocol):
    """Where decoder processes come from: ``DecoderPool``."""

    def acquire(self, interrupt: Interrupt) -> DecoderProcess:
        """Returns a process for the caller alone; waits for one when all are at work."""

    def replace(self, process: DecoderProcess) -> DecoderProcess:
        """Ends a process in use and returns a fresh one in its place."""

    def release(self, process: DecoderProcess) -> None:
        """Takes a process back."""

    def park(self, lease: DecoderLease, process: DecoderProcess) -> None:
        """Takes a process that its request does not need now; others may have it."""

    def reclaim(self, lease: DecoderLease) -> DecoderProcess | None:
        """Returns the parked process to its request; None where somebody else has it by now."""


class DecoderLease:
    """One request's hold on a decoder process. Used by one thread at a time.

    Args:
        lender: the pool.
        interrupt: the request's stop signal.
    """

    def __init__(self, lender: ProcessLender, interrupt: Interrupt) -> None:
        self._lender = lender
        self._interrupt = interrupt
        self._process: DecoderProcess | None = lender.acquire(interrupt)

    @property
    def process(self) -> DecoderProcess:
        """The process at work."""
        assert self._process is not None, "nothing is lent now"  # noqa: S101 - a bug of the caller
        return self._process

    def replace(self) -> None:
        """Ends the process and goes on with a fresh one."""
        self._process = self._lender.replace(self.process)

    def park(self) -> None:
        """Lets others have the process while this request does not work: its answer is being sent, say."""
        process, self._process = self._process, None
        if process is not None:
            self._lender.park(self, process)

    def resume(self) -> bool:
        """Takes the process up again, or waits for another one.

        Returns:
            Whether it is still the same, with the document that was open in it.

        Raises:
            StopSignal: the request was stopped.
            ShuttingDownError: the pool is closed.
        """
        if self._process is None:
            self._process = self._lender.reclaim(self)
            if self._process is None:
                self._process = self._lender.acquire(self._interrupt)
                return False
        return True

    def close(self) -> None:
        """Gives the process back; safe to call again."""
        process = self._process or self._lender.reclaim(self)
        self._process = None
        if process is not None:
            self._lender.release(process)
