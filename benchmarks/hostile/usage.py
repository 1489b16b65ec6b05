"""What a server and its decoders use while something happens: peak memory, threads, processor."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.harness import MIB

__all__ = ["Usage", "is_alive", "seconds_until_idle", "watched"]

SAMPLE_S = 0.02
IDLE_WINDOW_S = 0.1
IDLE_WINDOWS = 5
IDLE_SHARE = 0.15
"""Idle: less than this share of one core in so many windows in a row."""


class Usage:
    """Readings of one server.

    Args:
        server: its process; the decoders are the children.
        cap_mib: memory over idle at which the server is killed, before it takes the whole machine's.

    Attributes:
        threads: most threads of the server's process.
        was_killed: whether the cap was reached.
    """

    def __init__(self, server: psutil.Process, cap_mib: int) -> None:
        self._server = server
        self._cap_mib = cap_mib
        self.threads = 0
        self.was_killed = False
        self._decoders_peak = 0.0
        self._server_peak = 0.0
        Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # VmHWM begins anew
        self._idle = self.now_mib()

    @property
    def peak_mib(self) -> float:
        """Most memory over idle so far: the server's own peak, and the decoders' largest sum."""
        return self._server_peak + self._decoders_peak - self._idle

    def now_mib(self) -> float:
        """Resident memory of the server and its decoders."""
        return _rss_mib([self._server]) + _rss_mib(_children(self._server))

    def sample(self) -> None:
        """Takes one reading; kills the server where it has reached the cap."""
        self._server_peak = max(self._server_peak, _peak_mib(self._server.pid))
        self._decoders_peak = max(self._decoders_peak, _rss_mib(_children(self._server)))
        with contextlib.suppress(psutil.NoSuchProcess):
            self.threads = max(self.threads, self._server.num_threads())
            if _rss_mib([self._server]) - self._idle > self._cap_mib:
                self.was_killed = True
                self._server.kill()


@contextlib.contextmanager
def watched(server: psutil.Process, cap_mib: int) -> Iterator[Usage]:
    """Samples a server until the block ends."""
    usage, done = Usage(server, cap_mib), threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_S):
            usage.sample()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield usage
    finally:
        done.set()
        watcher.join()
        usage.sample()


def is_alive(server: psutil.Process) -> bool:
    """Whether the process runs; one that ended and was not waited for does not."""
    try:
        return server.is_running() and server.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def seconds_until_idle(server: psutil.Process, limit_s: float) -> float:
    """Time from now until server and decoders do nothing any more; ``limit_s`` where they go on."""
    started = quiet_since = time.perf_counter()
    used, quiet = _cpu_s(server), 0
    while quiet < IDLE_WINDOWS and time.perf_counter() - started < limit_s and is_alive(server):
        window = time.perf_counter()
        time.sleep(IDLE_WINDOW_S)
        now = _cpu_s(server)
        is_quiet = abs(now - used) < IDLE_SHARE * IDLE_WINDOW_S
        if not is_quiet or quiet == 0:
            quiet_since = window
        quiet = quiet + 1 if is_quiet else 0
        used = now
    return quiet_since - started if quiet == IDLE_WINDOWS else time.perf_counter() - started


def _children(server: psutil.Process) -> list[psutil.Process]:
    """The decoders; one that is just being started is still the server itself, and so is its memory."""
    try:
        own = server.cmdline()
        return [child for child in server.children() if child.cmdline() != own]
    except psutil.NoSuchProcess:
        return []


def _rss_mib(processes: list[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += process.memory_info().rss
    return total / MIB


def _peak_mib(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _cpu_s(server: psutil.Process) -> float:
    total = 0.0
    for process in [server, *_children(server)]:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += sum(process.cpu_times()[:2])
    return total
