"""Fixtures that several test modules share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.live_server import live_server


@pytest.fixture(scope="session")
def server_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of one real server with the bundled pair, for every test that only sends requests."""
    with live_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """One thread for torch: tiny inputs gain nothing from more, and lose much where the cores are busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
