from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import DecodedPage, DecoderPool, SourceDocument
from doctr_serve.settings import Settings
from support.watched_pool import WatchedPool


@pytest.fixture(scope="session")
def pool() -> Iterator[DecoderPool]:
    """A pool with the server's defaults, for tests that leave it as it was."""
    shared = WatchedPool(Settings(max_concurrent_requests=2))
    yield shared
    shared.close()


@pytest.fixture
def make_pool() -> Iterator[Callable[..., DecoderPool]]:
    """Makes pools of one process with other settings or another worker command."""
    pools: list[DecoderPool] = []

    def make(
        worker_command: tuple[str, ...] | None = None, *, documents_per_process: int = 500, **settings: Any
    ):
        chosen = Settings(**{"max_concurrent_requests": 1, "max_decoder_processes": 1, **settings})
        command = {} if worker_command is None else {"worker_command": worker_command}
        made = WatchedPool(chosen, documents_per_process=documents_per_process, **command)
        pools.append(made)
        return made

    yield make
    for made in pools:
        made.close()


@pytest.fixture(scope="session")
def read(pool: DecoderPool) -> Callable[..., list[DecodedPage]]:
    """Every page of files given as bytes or documents, through the shared pool or another one."""

    def read_pages(
        *contents: bytes | SourceDocument, pages: str = "", through: DecoderPool = pool
    ) -> list[DecodedPage]:
        documents = [
            content if isinstance(content, SourceDocument) else SourceDocument(f"file-{index}", content)
            for index, content in enumerate(contents, start=1)
        ]
        with through.open(documents, pages=pages, interrupt=Interrupt()) as opened:
            return list(opened.decode())

    return read_pages
