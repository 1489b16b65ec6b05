"""A peer seen from here: as many processes as it has callers, each reading one page at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TextIO, cast

__all__ = ["Peer", "PeerUnavailable"]

ROOT = Path(__file__).parents[2]


class PeerUnavailable(Exception):
    """The peer is not installed, or could not be loaded; the message says why."""


class _Process:
    def __init__(self, name: str, threads: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.peers", name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.cpu_s = 0.0

    def answer(self) -> dict[str, Any]:
        """The next line of the process; what it says of itself where it has ended instead."""
        line = cast(TextIO, self._process.stdout).readline()
        return json.loads(line) if line else {"problem": "its process ended"}

    def read(self, page: Path) -> int:
        calls = cast(TextIO, self._process.stdin)
        calls.write(f"{page}\n")
        calls.flush()
        found = self.answer()
        if "words" not in found:
            raise RuntimeError(f"{page.name}: {found['problem']}")
        self.cpu_s = found["cpu_s"]
        return found["words"]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Peer:
    """A peer that is loaded and has read a page.

    Args:
        name: one of ``PEERS``.
        callers: processes.
        threads: of each.
        warm_up: page that each of them reads first.

    Raises:
        PeerUnavailable: it is not installed, or could not be loaded.
    """

    def __init__(self, name: str, *, callers: int, threads: int, warm_up: Path) -> None:
        self._processes = [_Process(name, threads) for _ in range(callers)]
        self._free: SimpleQueue[_Process] = SimpleQueue()
        try:
            for process in self._processes:
                if problem := process.answer()["problem"]:
                    raise PeerUnavailable(f"{name}: {problem}")
                process.read(warm_up)
                self._free.put(process)
        except BaseException:
            self.close()
            raise

    def read(self, page: Path) -> int:
        """Returns how many words a page has; called by as many threads as there are processes."""
        process = self._free.get()
        try:
            return process.read(page)
        finally:
            self._free.put(process)

    def cpu_s(self) -> float:
        """CPU seconds that all processes have used so far."""
        return sum(process.cpu_s for process in self._processes)

    def close(self) -> None:
        """Ends the processes."""
        for process in self._processes:
            process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
