"""Both clients behind one synchronous face, so that every behaviour is tested on both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from doctr_serve_client import AsyncOCRClient, OCRClient
from support.fake_ocr_server import FakeServer, run_fake_server


class BlockingAsyncClient:
    """AsyncOCRClient on an event loop of its own, driven call by call."""

    def __init__(self, *args, **kwargs) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncOCRClient(*args, **kwargs)

    def read(self, *args, **kwargs):
        return self._runner.run(self._client.read(*args, **kwargs))

    def stream_pages(self, *args, **kwargs):
        pages = self._client.stream_pages(*args, **kwargs)

        def drive():
            try:
                while (page := self._runner.run(_next(pages))) is not None:
                    yield page
            finally:
                self._runner.run(pages.aclose())

        return drive()

    def list_models(self, **kwargs):
        return self._runner.run(self._client.list_models(**kwargs))

    def wait_until_ready(self, *args, **kwargs):
        return self._runner.run(self._client.wait_until_ready(*args, **kwargs))

    def close(self) -> None:
        self._runner.run(self._client.close())


async def _next(pages):
    return await anext(pages, None)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with run_fake_server() as running:
        yield running


@pytest.fixture(params=[OCRClient, BlockingAsyncClient], ids=["sync", "asyncio"])
def connect(request) -> Iterator[Callable[..., OCRClient]]:
    """Makes clients, of both kinds in turn, and closes them."""
    clients = []

    def make(*args, **kwargs):
        clients.append(request.param(*args, **kwargs))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect, server) -> OCRClient:
    return connect(server.address)


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "letter.pdf"
    path.write_bytes(b"%PDF small")
    return path


@pytest.fixture
def book(tmp_path):
    """A document above the size of one message; every MiB of it is different."""
    path = tmp_path / "book.pdf"
    path.write_bytes(b"".join(bytes([number]) * (1024 * 1024) for number in range(6)) + b"tail")
    return path
