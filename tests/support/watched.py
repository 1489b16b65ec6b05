"""A real server whose engine is cheap and watched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doctr_serve.documents import DecoderPool
from support.server import Service, running, settings_for
from support.small_engine import SmallEngine, WatchedBackend

__all__ = ["Watched", "watched_service"]


@dataclass
class Watched:
    """A server whose engine is cheap and watched."""

    service: Service
    engine: SmallEngine

    @property
    def backend(self) -> WatchedBackend:
        return self.engine.backend

    def is_idle(self) -> bool:
        """Whether no request is in flight and every decoder process waits for one."""
        server = self.service.server
        decoders = server.settings.max_concurrent_requests
        return server.admission.wait_until_idle(0) and len(server.decoders.idle_process_ids()) == decoders


@contextmanager
def watched_service(
    weights_dir: Path, *, decoders: DecoderPool | None = None, **changes: Any
) -> Iterator[Watched]:
    """A cheap server with settings of its own."""
    settings = settings_for(weights_dir, **changes)
    engine = SmallEngine(settings)
    with running(settings, engine=engine, decoders=decoders) as service:
        yield Watched(service, engine)
