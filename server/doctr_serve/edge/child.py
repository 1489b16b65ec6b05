"""One child process, from its start to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

__all__ = ["Child"]

POLL_INTERVAL_S = 0.05
STOP_TIMEOUT_S = 5.0
_LAUNCHER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("die_with_parent.py")))


class Child:
    """A running program; a context manager that stops it.

    It is in a session of its own: Ctrl-C in a terminal reaches only this process, which then stops its children in
    the order that suits their work. On Linux the kernel kills it as soon as the thread that started it is gone, however
    that ended; so start it from the main thread.

    Args:
        command: program and arguments.
        env: its whole environment; None for this process's own.
        output: where stdout and stderr go; None for this process's own.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        output: IO[bytes] | None = None,
    ) -> None:
        if sys.platform == "linux":
            command = [*_LAUNCHER, str(os.getpid()), *command]
        self._process = subprocess.Popen(  # noqa: S603 - the arguments are ours
            command,
            env=None if env is None else dict(env),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """Returns its exit status, the negative number of the signal that ended it, or None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Waits for it to end by itself.

        Returns:
            As :meth:`poll`; None when it still runs after ``timeout_s`` seconds.
        """
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def wait_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Polls ``condition`` while it runs; returns whether that came true within ``timeout_s`` seconds."""
        deadline = time.monotonic() + timeout_s
        while self.poll() is None:
            if condition():
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_INTERVAL_S)
        return False

    def terminate(self, timeout_s: float, *, hurry: Callable[[], bool] = lambda: False) -> bool:
        """Asks it to end with SIGTERM, and waits.

        Args:
            timeout_s: seconds it may take.
            hurry: ends the wait before, once it returns true.

        Returns:
            Whether it ended.
        """
        self._process.terminate()
        self.wait_until(hurry, timeout_s)
        return self.poll() is not None

    def kill(self) -> None:
        """Ends it with SIGKILL; returns once it is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Ends it with SIGTERM, or with SIGKILL where that takes longer than ``timeout_s`` seconds.

        Returns:
            Its exit status, as :meth:`poll`.
        """
        if not self.terminate(timeout_s):
            self.kill()
        self.close()
        return self._process.wait()

    def close(self) -> None:
        """Frees what it needed while it ran; called after its end, any number of times."""
