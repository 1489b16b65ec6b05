"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kept_memory import kept_memory
from support.live_server import live_server

# Most tests compare with docTR's own results, or count what a forward did: they are to run docTR's runtime, f32 torch,
# on every machine. Those of the default (OpenVINO on x86) take the variable away: see `default_runtime`.
os.environ["DOCTR_SERVE_RUNTIME"] = "torch"


@pytest.fixture(scope="session", autouse=True)
def interruptible_children() -> Iterator[None]:
    """Programs that tests start heed Ctrl-C, even where the tests run in the background of a shell.

    A shell starts background jobs with SIGINT ignored, and what they start would inherit that (POSIX, 2.11).
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server of ``server_address`` writes its ``server.log``."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def server_address(server_folder: Path) -> Iterator[str]:
    """host:port of one real server with the bundled pair, for every test that only sends requests."""
    with live_server(server_folder) as address:
        yield address


@pytest.fixture(scope="module")
def large_tensors_are_kept() -> Iterator[None]:
    """For modules that run networks at docTR's own size in this process: see :func:`kept_memory`."""
    with kept_memory():
        yield


@pytest.fixture
def default_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings made in this test, and servers started by it, have the runtime that users get."""
    monkeypatch.delenv("DOCTR_SERVE_RUNTIME")


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """One thread for torch: tiny inputs gain nothing from more, and lose much where the cores are busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
