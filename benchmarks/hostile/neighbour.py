"""A normal caller beside an attack, in a process of its own: the attack's Python does not slow it.

Each line on the standard input is one call; each line of the output its seconds and what went wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO, cast

import grpc
from doctr_serve_client import OCRClient
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.harness import page_jpeg

__all__ = ["Answer", "Neighbour"]

TIMEOUT_S = 60.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """One call: how long it took, and what went wrong, if something did."""

    seconds: float
    problem: str


class Neighbour:
    """The caller, seen from here.

    Args:
        address: ``host:port`` of gRPC.
        kind: ``page`` or ``health``.
    """

    def __init__(self, address: str, kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.hostile.neighbour", kind, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._calls = cast(TextIO, self._process.stdin)
        self._answers = cast(TextIO, self._process.stdout)

    def call(self) -> Answer:
        """Makes a call and returns when it is over."""
        self._calls.write("\n")
        self._calls.flush()
        return Answer(**json.loads(self._answers.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()


def _page_call(address: str) -> Callable[[], object]:
    client = OCRClient(address, max_attempts=1)
    page = page_jpeg(1)
    return lambda: client.read([("page.jpg", page)], timeout_s=TIMEOUT_S)


def _health_call(address: str) -> Callable[[], object]:
    stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(address))
    return lambda: stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)


def main() -> None:
    """Makes a call for each line that comes in."""
    kind, address = sys.argv[1:]
    call = _page_call(address) if kind == "page" else _health_call(address)
    for _ in sys.stdin:
        started = time.perf_counter()
        problem = ""
        try:
            call()
        except Exception as error:
            problem = f"{type(error).__name__}: {str(error)[:200]}"
        answer = Answer(round(time.perf_counter() - started, 4), problem)
        print(json.dumps(vars(answer)), flush=True)


if __name__ == "__main__":
    main()
