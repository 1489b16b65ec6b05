"""What one operation of a decoder process may cost: memory and processor time that follow what it works on.

A limit for the largest page is no limit for a hostile one of 600 bytes. So each operation gets a floor, which
is plenty for ordinary documents, and more only as its pixels and its file's bytes call for it. The kernel holds
the process to it, because a parser in C asks nobody: an allocation too many fails (Pillow raises MemoryError,
PDFium aborts), a second too many ends the process by SIGPROF.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from doctr_serve.decoder.failure import DecodeFailure

__all__ = ["Budget", "mapped_bytes"]

# Beyond what the process has mapped already. A tenth of a small server; measured: text pages take less than 100 MB,
# of which 64 MiB are a heap that the C library only reserves.
BASE_BYTES = 204 * 1024 * 1024

# Shares of the time for one page: every operation's, that of a page at the pixel limit, and that of each MiB of file.
# Measured on one core of 2.5 GHz: text pages take 0.02 to 0.2 s of the first share's 5 s.
BASE_SHARE = 1 / 6
PIXELS_SHARE = 1 / 2
MIB_SHARE = 1 / 2
# Less than all of it: a process that works all the time ends by itself, before the server takes it for stopped.
MOST_OF_IT = 0.8
# Whatever the operator's limit is, parsing starts at all.
MIN_S = 1.0

MIB = 1024 * 1024


class Budget:
    """Sets this process's limits for each operation.

    Args:
        memory_bytes: address space of the process at most, whatever the page is; 0 for no limit at all.
        timeout_s: seconds for a page at most.
        max_page_pixels: pixels of the largest page.
        max_scan_pixels: pixels of the largest scan that is drawn at its own resolution.
    """

    def __init__(
        self, memory_bytes: int, timeout_s: float, max_page_pixels: int, max_scan_pixels: int
    ) -> None:
        self.max_page_pixels = max_page_pixels
        self.max_scan_pixels = min(max_scan_pixels, max_page_pixels)
        self._memory_bytes = memory_bytes
        self._timeout_s = timeout_s
        self._mapped_bytes = 0
        self._file_bytes = 0
        self._began = time.monotonic()

    def begin(self, file_bytes: int = 0) -> None:
        """Starts counting for an operation on a document of ``file_bytes``."""
        self._mapped_bytes = mapped_bytes()
        self._file_bytes = file_bytes
        self._began = time.monotonic()
        self.allow(0, 0)

    def allow(self, pixels: int, memory_bytes: int) -> None:
        """Sets what the operation may take once its page is known; the time counts from here.

        Args:
            pixels: of the page that is decoded.
            memory_bytes: what decoding it takes beyond the floor.
        """
        self._limit(self._mapped_bytes + BASE_BYTES + memory_bytes)
        share = BASE_SHARE + PIXELS_SHARE * pixels / self.max_page_pixels + MIB_SHARE * self._file_bytes / MIB
        seconds = max(self._timeout_s * min(share, MOST_OF_IT), min(MIN_S, self._timeout_s))
        signal.setitimer(signal.ITIMER_PROF, seconds)

    def left_s(self) -> float:
        """Returns the seconds that the operation may still take, by the processor's time or the clock's: the less."""
        processor_s, _ = signal.getitimer(signal.ITIMER_PROF)
        return max(0.0, min(processor_s, self._timeout_s - (time.monotonic() - self._began)))

    def check_pixels(self, height: int, width: int) -> None:
        """Refuses a page that is too large to decode.

        Raises:
            DecodeFailure: it has more than ``max_page_pixels``.
        """
        if height * width > self.max_page_pixels:
            raise DecodeFailure(
                "too_large",
                f"{width} x {height} pixels is more than the {self.max_page_pixels} pixels that this server decodes; "
                "send it smaller",
            )

    def end(self) -> None:
        """Lifts the operation's limits; that of the process stays."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._limit(self._memory_bytes)

    def _limit(self, memory_bytes: int) -> None:
        if not self._memory_bytes or sys.platform != "linux":
            return
        import resource

        soft = min(memory_bytes, self._memory_bytes)
        resource.setrlimit(resource.RLIMIT_AS, (soft, self._memory_bytes))


def mapped_bytes() -> int:
    """Returns the address space of this process (proc(5): first field of statm, in pages); 0 where that is unknown."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return 0
    import resource

    return pages * resource.getpagesize()
