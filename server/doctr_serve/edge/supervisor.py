"""Runs the server and Envoy as one: starts both, waits until they answer, stops both together.

For one machine without a container runtime: `make run` and `doctr-serve up`. In production each of the two
is a container of its own and the platform supervises them.
"""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

import grpc

__all__ = ["ChildDiedError", "StopRequested", "Supervisor", "grpc_is_serving", "rest_is_ready"]

POLL_INTERVAL_S = 0.1
PROBE_TIMEOUT_S = 2.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """A signal asked to stop: the normal end."""


class ChildDiedError(RuntimeError):
    """A child ended although nobody asked it to.

    Attributes:
        status: the exit status for the supervisor itself: the child's, or 1 where that says nothing.
    """

    def __init__(self, name: str, returncode: int) -> None:
        how = f"signal {-returncode}" if returncode < 0 else f"status {returncode}"
        super().__init__(f"{name} ended with {how}; its last lines above say why")
        self.status = returncode if returncode > 0 else 1


class Supervisor:
    """Children that live and die together.

    A context manager, to be used in the main thread: leaving it stops every child, the first started first,
    with SIGTERM, and with SIGKILL where that takes too long or a second signal comes.

    Args:
        stop_timeout_s: seconds a child may take to stop.
    """

    def __init__(self, *, stop_timeout_s: float) -> None:
        self._stop_timeout_s = stop_timeout_s
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stop_requested = threading.Event()
        self._signals = 0
        self._previous_handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Supervisor:
        for number in SIGNALS:
            self._previous_handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._children:
            self._stop(name)
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Starts a child; it inherits standard output and error.

        Args:
            name: what messages call it.
            command: program and arguments.
            env: its whole environment.
        """
        # A session of its own: Ctrl-C in a terminal reaches only the supervisor, which then stops the
        # children one after the other. Else Envoy would drop requests that the server is still finishing.
        self._children[name] = subprocess.Popen(command, env=dict(env), start_new_session=True)  # noqa: S603

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Polls ``ready`` while every child lives; returns once it is true.

        Raises:
            StopRequested: a signal asked to stop before.
            ChildDiedError: a child ended before.
        """
        while True:
            if self._signals:
                raise StopRequested
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise ChildDiedError(name, child.returncode)
            if ready():
                return
            self._stop_requested.wait(POLL_INTERVAL_S)

    def wait(self) -> NoReturn:
        """Waits for the end.

        Raises:
            StopRequested: a signal asked to stop.
            ChildDiedError: a child ended before that.
        """
        self.wait_until(lambda: False)
        raise AssertionError("unreachable")

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._stop_requested.set()

    def _stop(self, name: str) -> None:
        child = self._children[name]
        if child.poll() is not None:
            return
        child.terminate()
        deadline = time.monotonic() + self._stop_timeout_s
        while child.poll() is None:
            if time.monotonic() > deadline or self._signals >= 2:
                print(f"doctr-serve: killing {name}", file=sys.stderr)
                child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(POLL_INTERVAL_S)


def grpc_is_serving(address: str) -> bool:
    """Whether the gRPC server at ``host:port`` reports itself SERVING to grpc.health.v1."""
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=PROBE_TIMEOUT_S)
        except grpc.RpcError:
            return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING


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
