"""Both clients behind one synchronous face, so that every behaviour is tested on both; and the command."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from doctr_serve.cli import app
from doctr_serve_client import AsyncOCRClient, OCRClient
from support.fake_ocr_server import FakeServer, run_fake_server
from typer.testing import CliRunner


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

    def limits(self, **kwargs):
        return self._runner.run(self._client.limits(**kwargs))

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


@pytest.fixture
def ocr(server, monkeypatch):
    """Runs the command against the fake server."""
    monkeypatch.delenv("DOCTR_SERVE_PDF_PASSWORD", raising=False)
    monkeypatch.setenv("DOCTR_SERVE_SERVER", server.address)

    def run(*arguments, **settings):
        return CliRunner().invoke(app, ["ocr", *map(str, arguments)], **settings)

    return run


@pytest.fixture
def folder(tmp_path):
    """Documents a.pdf, b.png and, one level down, c.jpeg; a note that is no document."""
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    for name in ("a.pdf", "b.png", "deeper/c.jpeg", "note.txt"):
        (tmp_path / "in" / name).write_bytes(b"content")
    return tmp_path / "in"


@pytest.fixture
def start(server):
    """Starts the command, behind a prefix where one is given; ends it with the test."""
    processes = []

    def run(*arguments, prefix=(), **settings):
        command = [
            *prefix,
            sys.executable,
            "-m",
            "doctr_serve",
            "ocr",
            "--server",
            server.address,
            *map(str, arguments),
        ]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | settings
        processes.append(subprocess.Popen(command, env=environment, **settings))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()
