"""Requests that wait for a download share it, and none is tied to it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask
from doctr_serve.catalog.on_demand import OnDemandDownloads
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import DeadlineExceededError, RequestCancelledError, WeightsDownloadError
from doctr_serve.settings import Settings

WAIT_S = 20.0


@pytest.fixture
def entry(tmp_path: Path) -> CatalogEntry:
    return Catalog(Settings(weights_dir=tmp_path)).find(
        "db_resnet50", ModelTask.DETECTION, option="detection_model"
    )


class BlockedPull:
    """A download that lasts until it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls, self.started, self.let_go, self.error = 0, threading.Event(), threading.Event(), error
        self.ended = threading.Event()

    def __call__(self, entry: CatalogEntry) -> None:
        self.calls += 1
        self.started.set()
        assert self.let_go.wait(WAIT_S)
        self.ended.set()
        if self.error is not None:
            raise self.error


class WatchedInterrupt(Interrupt):
    """Tells when its request is waiting: it is checked once before the wait, then again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.checks, self.waiting = 0, threading.Event()

    def check(self) -> None:
        self.checks += 1
        if self.checks > 1:
            self.waiting.set()
        super().check()


def test_a_cancelled_request_stops_waiting_while_the_download_goes_on(entry: CatalogEntry) -> None:
    pull, interrupt = BlockedPull(), Interrupt()
    downloads = OnDemandDownloads(pull)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(downloads.fetch, entry, interrupt)
        assert pull.started.wait(WAIT_S)
        interrupt.cancel()
        with pytest.raises(RequestCancelledError):
            waiting.result(WAIT_S)
    assert not pull.ended.is_set()
    pull.let_go.set()
    assert pull.ended.wait(WAIT_S)


def test_a_request_past_its_deadline_stops_waiting(entry: CatalogEntry) -> None:
    pull = BlockedPull()
    with pytest.raises(DeadlineExceededError):
        OnDemandDownloads(pull).fetch(entry, Interrupt(timeout_s=0.2))
    pull.let_go.set()


def test_requests_for_the_same_weights_share_one_download(entry: CatalogEntry) -> None:
    pull = BlockedPull()
    downloads = OnDemandDownloads(pull)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(downloads.fetch, entry, Interrupt())
        assert pull.started.wait(WAIT_S)
        interrupt = WatchedInterrupt()
        second = pool.submit(downloads.fetch, entry, interrupt)
        assert interrupt.waiting.wait(WAIT_S)
        pull.let_go.set()
        first.result(WAIT_S)
        second.result(WAIT_S)
    assert pull.calls == 1


def test_a_failed_download_reaches_every_waiting_request_and_is_tried_again(entry: CatalogEntry) -> None:
    pull = BlockedPull(WeightsDownloadError("the server answered 500"))
    pull.let_go.set()
    downloads = OnDemandDownloads(pull)
    for _ in range(2):
        with pytest.raises(WeightsDownloadError, match="500"):
            downloads.fetch(entry, Interrupt())
    assert pull.calls == 2
