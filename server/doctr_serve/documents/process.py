"""The server's side of one decoder process."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.decoder.channel import Channel, ChannelClosedError, Readable
from doctr_serve.documents.source import SourceDocument
from doctr_serve.errors import DeadlineExceeded, InternalError

__all__ = [
    "WORKER_COMMAND",
    "DecoderGoneError",
    "DecoderOvertimeError",
    "DecoderProcess",
    "DecoderStalledError",
    "picture_size",
]

logger = logging.getLogger(__name__)

# -P: a folder named PIL in the working directory must not become the decoder.
WORKER_COMMAND = (sys.executable, "-P", "-m", "doctr_serve.decoder.worker")

# Loading the parsers takes a second at most; on a machine that is starved, longer.
START_TIMEOUT_S = 60.0

# What a parser needs of the environment; everything else, keys and passwords included, stays with the server.
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TMPDIR", "LANG", "LC_ALL")
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class DecoderGoneError(Exception):
    """The process died."""


class DecoderStalledError(Exception):
    """The process took too long: it hangs, was stopped, or the machine is starved."""


class DecoderOvertimeError(DecoderStalledError):
    """The process used up its processor time and ended: the document's doing for certain."""


class DecoderProcess:
    """One decoder process; used by one thread at a time.

    Args:
        memory_bytes: its address space; 0 for no limit.
        timeout_s: seconds it may take for one answer.
        max_page_pixels: pixels of a page at most; larger pages of a PDF are rendered smaller.
        max_scan_pixels: pixels of a scan in a PDF at most, likewise.
        command: what to start; the socket's descriptor and the four limits are appended.
    """

    def __init__(
        self,
        memory_bytes: int,
        timeout_s: float,
        max_page_pixels: int,
        max_scan_pixels: int,
        command: Sequence[str] = WORKER_COMMAND,
    ) -> None:
        self._timeout_s = timeout_s
        self._max_page_pixels = max_page_pixels
        limits = (memory_bytes, timeout_s, max_page_pixels, max_scan_pixels)
        ours, theirs = socket.socketpair()
        ours.settimeout(timeout_s)  # of what is sent; reads wait for readiness
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the operator's own interpreter
                [*command, *map(str, (theirs.fileno(), *limits))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise InternalError("no decoder process could be started; try again later") from error
        finally:
            theirs.close()
        self._channel = Channel(ours)
        self._started_at = time.monotonic()
        self._is_ready = False
        self._outstanding = 0
        self._amid_pixels = False
        self.documents_opened = 0

    @property
    def process_id(self) -> int:
        """The operating system's number of the process."""
        return self._process.pid

    @property
    def is_busy(self) -> bool:
        """Whether an answer is outstanding: only a process that owes nothing may serve another request."""
        return self._outstanding > 0 or self._amid_pixels

    def is_alive(self) -> bool:
        """Returns whether the process still runs."""
        return self._process.poll() is None

    def send(self, operation: str, **arguments: Any) -> None:
        """Asks for something; :meth:`receive` returns the answer, in the order of the questions.

        Raises:
            DecoderGoneError: the process died.
        """
        self._send({"op": operation, **arguments}, None)

    def send_document(self, document: SourceDocument) -> None:
        """Asks to open a document.

        Raises:
            DecoderGoneError: the process died.
        """
        descriptor = _descriptor(document.content)
        try:
            self._send({"op": "open", "password": document.pdf_password}, descriptor)
        finally:
            os.close(descriptor)
        self.documents_opened += 1

    def receive(self, interrupt: Interrupt) -> dict[str, Any]:
        """Returns the answer to the oldest open question.

        Raises:
            DecoderGoneError: the process died.
            DecoderOvertimeError: it used up its processor time.
            DecoderStalledError: it took longer than ``timeout_s``.
            RequestCancelled: ``interrupt`` fired.
            DeadlineExceeded: ``interrupt`` fired.
        """
        if not self._outstanding:  # The question did not get through.
            raise self._gone()
        if not self._is_ready:
            # Its start is no time that the document took.
            self._receive_until(self._started_at + START_TIMEOUT_S, interrupt)
            self._is_ready = True
        # From now on, not from the question: between the two the process may have waited for us.
        message = self._receive_until(time.monotonic() + self._timeout_s, interrupt)
        self._outstanding -= 1
        if "detail" in message:
            logger.debug("decoder: %s", message["detail"])
        return message

    def receive_pixels(self, pixels: NDArray[np.uint8], interrupt: Interrupt) -> None:
        """Takes the pixels that follow a page's answer.

        Args:
            pixels: where they go, (height, width, 3) uint8 RGB, C-contiguous, of the size that the answer names.
            interrupt: the request's stop signal.

        Raises:
            DecoderGoneError: the process died.
            DecoderOvertimeError: it used up its processor time.
            DecoderStalledError: the pixels took longer than ``timeout_s``.
            StopSignal: ``interrupt`` fired.
        """
        self._amid_pixels = True
        self._wait_until(time.monotonic() + self._timeout_s, interrupt)
        try:
            self._channel.receive_into(memoryview(pixels.data).cast("B"))
        except ChannelClosedError as error:
            raise self._gone() from error
        self._amid_pixels = False

    def drain(self, timeout_s: float) -> bool:
        """Takes the answers that nobody wants any more.

        Args:
            timeout_s: seconds to wait for them.

        Returns:
            Whether the process owes nothing now and may serve another request.
        """
        interrupt = Interrupt(timeout_s)
        try:
            while self._outstanding and not self._amid_pixels:
                answer = self.receive(interrupt)
                if "height" in answer:
                    height, width = picture_size(answer)
                    if height * width > self._max_page_pixels:
                        return False
                    self.receive_pixels(np.empty((height, width, 3), np.uint8), interrupt)
        except (DecoderGoneError, DecoderStalledError, DeadlineExceeded, MemoryError):
            return False
        return not self.is_busy

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def last_words(self) -> str:
        """Returns how the process ended, for the log: a signal's name or an exit code."""
        try:
            code = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return "it closed its socket"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _gone(self) -> DecoderGoneError | DecoderOvertimeError:
        # decoder/budget.py: SIGPROF is how the kernel ends a process whose processor time is used up.
        return DecoderOvertimeError() if self.last_words() == "SIGPROF" else DecoderGoneError()

    def _send(self, message: dict[str, Any], descriptor: int | None) -> None:
        try:
            self._channel.send(message, descriptor)
        except ChannelClosedError as error:
            raise DecoderGoneError from error
        self._outstanding += 1

    def _receive_until(self, deadline: float, interrupt: Interrupt) -> dict[str, Any]:
        self._wait_until(deadline, interrupt)
        try:
            message, descriptor = self._channel.receive()
        except ChannelClosedError as error:
            raise self._gone() from error
        if descriptor is not None:  # No honest decoder sends one.
            os.close(descriptor)
        if not _is_answer(message):
            raise DecoderGoneError
        return message

    def _wait_until(self, deadline: float, interrupt: Interrupt) -> None:
        def wait_readable(readable: Readable) -> None:
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0 or not interrupt.wait(readable, timeout_s=remaining_s):
                raise DecoderStalledError

        interrupt.check()
        self._channel.wait_readable = wait_readable


def picture_size(answer: dict[str, Any]) -> tuple[int, int]:
    """Returns height and width in an answer, which a decoder that a file has taken over may have made up.

    Raises:
        DecoderGoneError: there are none that a picture can have.
    """
    height, width = answer.get("height"), answer.get("width")
    if not (isinstance(height, int) and isinstance(width, int) and 0 < height < 2**31 and 0 < width < 2**31):
        raise DecoderGoneError
    return height, width


def _is_answer(message: dict[str, Any]) -> bool:
    """Whether a failure, where it is one, is of the form that failures have."""
    return "error" not in message or all(isinstance(message.get(key), str) for key in ("error", "problem"))


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith("PYTHON")
    }
    return kept | _ENVIRONMENT


def _descriptor(content: bytes | Path | BinaryIO) -> int:
    """A descriptor of its own for a document; the decoder reads it there from its start, whatever its size."""
    if isinstance(content, Path):
        return os.open(content, os.O_RDONLY | os.O_CLOEXEC)
    if not isinstance(content, bytes):
        return os.dup(content.fileno())
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("document", os.MFD_CLOEXEC)
    else:  # Not on macOS.
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
