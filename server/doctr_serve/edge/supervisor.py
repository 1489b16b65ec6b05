"""Keeps child processes running: starts them, waits until they answer, restarts what crashes, stops all together.

For one machine without a container runtime: `make run` and `doctr-serve up`. In production each of the two
is a container of its own and the platform supervises them.
"""

from __future__ import annotations

import http.client
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from doctr_serve.common.stop_signals import StopSignals
from doctr_serve.edge.child import Child

__all__ = ["ChildDiedError", "StopRequested", "Supervisor", "rest_is_ready"]

POLL_INTERVAL_S = 0.1
PROBE_TIMEOUT_S = 2.0
RESTART_WINDOW_S = 600.0
"""Seconds after which a restart no longer counts."""


class StopRequested(Exception):
    """A signal asked to stop: the normal end."""


class ChildDiedError(RuntimeError):
    """A child ended although nobody asked it to.

    Attributes:
        status: the exit status for the supervisor itself: the child's, or 1 where that says nothing.
    """

    def __init__(self, name: str, returncode: int) -> None:
        how = f"signal {-returncode}" if returncode < 0 else f"status {returncode}"
        why = "its last lines above say why"
        if returncode == -signal.SIGKILL:
            why = "where nobody killed it, the kernel did because memory ran out"
        super().__init__(f"{name} ended with {how}; {why}")
        self.status = returncode if returncode > 0 else 1


@dataclass
class _Task:
    """A child, how to start it again, and when that was done (seconds of ``time.monotonic``)."""

    launch: Callable[[], Child]
    child: Child
    restarts: list[float] = field(default_factory=list)


class Supervisor:
    """Children that live and die together.

    A context manager, to be used in the main thread: leaving it stops every child, the first started first,
    with SIGTERM, and with SIGKILL where that takes too long or a second signal comes.

    Args:
        stop_timeout_s: seconds a child may take to stop.
        max_restarts: how often :meth:`wait` starts a child again that crashed, in ten minutes.
    """

    def __init__(self, *, stop_timeout_s: float, max_restarts: int = 0) -> None:
        self._stop_timeout_s = stop_timeout_s
        self._max_restarts = max_restarts
        self._tasks: dict[str, _Task] = {}
        self._signals = StopSignals()

    def __enter__(self) -> Supervisor:
        self._signals.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for name, task in self._tasks.items():
            self._stop(name, task.child)
        self._signals.__exit__()

    def start(self, name: str, launch: Callable[[], Child]) -> None:
        """Starts a child.

        Args:
            name: what messages call it.
            launch: starts it, also a second time after a crash.
        """
        self._tasks[name] = _Task(launch, launch())

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Polls ``ready`` while every child lives; returns once it is true.

        Raises:
            StopRequested: a signal asked to stop before.
            ChildDiedError: a child ended before.
        """
        while True:
            for died, _ in self._check():
                raise died
            if ready():
                return
            time.sleep(POLL_INTERVAL_S)

    def wait(self) -> NoReturn:
        """Waits for the end, and starts children again that crash before that.

        Raises:
            StopRequested: a signal asked to stop.
            ChildDiedError: a child crashed too often, or ended with status 0.
        """
        while True:
            for died, task in self._check():
                self._restart(died, task)
            time.sleep(POLL_INTERVAL_S)

    def _check(self) -> list[tuple[ChildDiedError, _Task]]:
        """The children that ended, with what to say of each.

        Raises:
            StopRequested: a signal asked to stop.
        """
        if self._signals.count:
            raise StopRequested
        ended = [(name, task, task.child.poll()) for name, task in self._tasks.items()]
        return [(ChildDiedError(name, status), task) for name, task, status in ended if status is not None]

    def _restart(self, died: ChildDiedError, task: _Task) -> None:
        """Starts a child again.

        Raises:
            ChildDiedError: it did not crash, or did so too often.
        """
        now = time.monotonic()
        task.restarts = [then for then in task.restarts if now - then < RESTART_WINDOW_S]
        if task.child.poll() == 0 or len(task.restarts) >= self._max_restarts:
            raise died
        task.restarts.append(now)
        print(
            f"doctr-serve: {died}; starting it again, {len(task.restarts)} of at most {self._max_restarts} times "
            f"in {RESTART_WINDOW_S / 60:g} minutes",
            file=sys.stderr,
        )
        task.child.close()
        task.child = task.launch()

    def _stop(self, name: str, child: Child) -> None:
        if child.poll() is None and not child.terminate(
            self._stop_timeout_s, hurry=lambda: self._signals.count >= 2
        ):
            print(f"doctr-serve: killing {name}", file=sys.stderr)
            child.kill()
        child.close()


def rest_is_ready(host: str, port: int) -> bool:
    """Whether ``GET /models`` is answered with 200: Envoy listens and reaches the server."""
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/models")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
