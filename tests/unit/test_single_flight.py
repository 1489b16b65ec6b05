"""Requests that wait for the same work share it, and none is tied to it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.single_flight import SingleFlight
from doctr_serve.errors import DeadlineExceeded, RequestCancelled, WeightsDownloadError
from support.watched_interrupt import WatchedInterrupt

WAIT_S = 20.0


class BlockedPull:
    """A download that lasts until it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls, self.started, self.let_go, self.error = 0, threading.Event(), threading.Event(), error
        self.ended = threading.Event()

    def __call__(self, key: str) -> str:
        self.calls += 1
        self.started.set()
        assert self.let_go.wait(WAIT_S)
        self.ended.set()
        if self.error is not None:
            raise self.error
        return f"what {key} is"


def test_a_cancelled_request_stops_waiting_while_the_download_goes_on() -> None:
    pull, interrupt = BlockedPull(), Interrupt()
    downloads = SingleFlight(pull, name="download")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(downloads.do, "key", interrupt)
        assert pull.started.wait(WAIT_S)
        interrupt.cancel()
        with pytest.raises(RequestCancelled):
            waiting.result(WAIT_S)
    assert not pull.ended.is_set()
    pull.let_go.set()
    assert pull.ended.wait(WAIT_S)


def test_a_request_past_its_deadline_stops_waiting() -> None:
    pull = BlockedPull()
    with pytest.raises(DeadlineExceeded):
        SingleFlight(pull, name="download").do("key", Interrupt(timeout_s=0.2))
    pull.let_go.set()


def test_requests_for_the_same_weights_share_one_download() -> None:
    pull = BlockedPull()
    downloads = SingleFlight(pull, name="download")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(downloads.do, "key", Interrupt())
        assert pull.started.wait(WAIT_S)
        interrupt = WatchedInterrupt()
        second = pool.submit(downloads.do, "key", interrupt)
        assert interrupt.waiting.wait(WAIT_S)
        pull.let_go.set()
        assert first.result(WAIT_S) == second.result(WAIT_S) == "what key is"
    assert pull.calls == 1


def test_a_failed_download_reaches_every_waiting_request_and_is_tried_again() -> None:
    pull = BlockedPull(WeightsDownloadError("the server answered 500"))
    pull.let_go.set()
    downloads = SingleFlight(pull, name="download")
    for _ in range(2):
        with pytest.raises(WeightsDownloadError, match="500"):
            downloads.do("key", Interrupt())
    assert pull.calls == 2


def test_one_key_more_than_may_run_waits_its_turn_and_can_be_stopped() -> None:
    pull = BlockedPull()
    downloads = SingleFlight(pull, name="download", max_running=1)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(downloads.do, "first", Interrupt())
        assert pull.started.wait(WAIT_S)
        with pytest.raises(DeadlineExceeded):
            downloads.do("second", Interrupt(timeout_s=0.2))
        interrupt = WatchedInterrupt()
        second = pool.submit(downloads.do, "second", interrupt)
        assert interrupt.waiting.wait(WAIT_S)
        assert pull.calls == 1
        pull.let_go.set()
        assert (first.result(WAIT_S), second.result(WAIT_S)) == ("what first is", "what second is")
    assert pull.calls == 2
