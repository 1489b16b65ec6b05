"""A real server whose engine is cheap and watched."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.runtimes import Runtime
from doctr_serve.reading import Reader
from doctr_serve.reading.arrivals import Arrival
from support.server import Service, running, settings_for
from support.small_engine import WatchedRuntime, small_engine
from support.waiting import eventually
from support.watched_pool import WatchedPool

__all__ = ["Watched", "WatchedReader", "watched_service"]


class WatchedReader(Reader):
    """The server's own reader; counts the requests that arrive or hold a place."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lock = threading.Lock()
        self.in_flight = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        with super().place(), self._counted():
            yield

    @contextmanager
    def arrival(self, interrupt: Interrupt) -> Iterator[Arrival]:
        with super().arrival(interrupt) as arrival, self._counted():
            place = arrival.place

            @contextmanager
            def counted_place() -> Iterator[None]:
                with place(), self._counted():
                    yield

            arrival.place = counted_place
            yield arrival

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self.in_flight -= 1


@dataclass
class Watched:
    """A server whose engine is cheap and watched."""

    service: Service
    engine: OCREngine
    runtime: WatchedRuntime
    reader: WatchedReader
    decoders: WatchedPool

    @property
    def in_flight(self) -> int:
        """Requests that hold a place now: uploading, waiting or worked on."""
        return self.reader.in_flight

    def is_idle(self) -> bool:
        """Whether no request is in flight and every decoder process waits for one."""
        return self.reader.wait_until_idle(0) and self.decoders.lent == 0

    @contextmanager
    def lent(self) -> Iterator[Watched]:
        """This server for one test of several: nothing blocks in it unless the test says so, and its end is idle."""
        self.runtime.forwards.clear()
        yield self
        self.runtime.before = lambda task: None
        eventually(self.is_idle, what="an idle server after the test")


@contextmanager
def watched_service(
    weights_dir: Path,
    *,
    worker_command: Sequence[str] | None = None,
    runtime: Runtime | None = None,
    interceptors: Sequence[grpc.ServerInterceptor] = (),
    **changes: Any,
) -> Iterator[Watched]:
    """A cheap server with settings of its own."""
    settings = settings_for(weights_dir, **changes)
    engine, watched_runtime = small_engine(settings, runtime)
    decoders = WatchedPool(settings, **({"worker_command": worker_command} if worker_command else {}))
    reader = WatchedReader(settings, engine=engine, decoders=decoders)
    with running(settings, reader=reader, interceptors=interceptors) as service:
        yield Watched(service, engine, watched_runtime, reader, decoders)
