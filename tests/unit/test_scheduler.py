from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import DeadlineExceeded, RequestCancelled
from doctr_serve.inference.scheduler import ForwardScheduler
from support.watched_interrupt import WatchedInterrupt

BATCH = np.zeros((1, 3, 8, 8), np.float32)


class CallingRuntime:
    """A runtime whose handles are functions of the batch."""

    def __init__(self, max_forward_pixels: int | None = None) -> None:
        self.max_forward_pixels = max_forward_pixels

    def load(self, entry: Any) -> Any:
        raise NotImplementedError

    def enter_thread(self) -> None:
        pass

    def run(self, handle: Callable[[Any], Any], batch: Any) -> Any:
        return handle(batch)


def scheduler(concurrent: int = 1, max_forward_pixels: int | None = None) -> ForwardScheduler:
    return ForwardScheduler(CallingRuntime(max_forward_pixels), concurrent_forwards=concurrent)


def test_a_forward_runs_on_a_thread_of_its_own() -> None:
    forwards = scheduler()
    (name,) = forwards.run(lambda batch: threading.current_thread().name, BATCH, Interrupt())
    assert name.startswith("forward")
    forwards.close()


def test_a_forwards_exception_reaches_its_caller_and_the_next_one_runs() -> None:
    forwards = scheduler()
    with pytest.raises(ZeroDivisionError):
        forwards.run(lambda batch: 1 / 0, BATCH, Interrupt())
    assert forwards.run(lambda batch: 42, BATCH, Interrupt()) == [42]
    forwards.close()


def test_a_timeout_that_a_forward_itself_raises_is_its_result() -> None:
    """concurrent.futures' own TimeoutError is the builtin one since Python 3.11, so that the two look alike."""
    forwards = scheduler()

    def fail(batch: Any) -> None:
        raise TimeoutError("the forward's own")

    with pytest.raises(TimeoutError, match="the forward's own"):
        forwards.run(fail, BATCH, Interrupt(5))
    forwards.close()


@pytest.mark.parametrize("concurrent", [1, 2])
def test_no_more_forwards_run_at_once_than_set(concurrent: int) -> None:
    forwards = scheduler(concurrent)
    running, most, lock = 0, 0, threading.Lock()

    def forward(batch: Any) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1

    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda _: forwards.run(forward, BATCH, Interrupt()), range(16)))
    assert most == concurrent
    forwards.close()


def test_a_request_cancelled_while_it_waits_never_runs() -> None:
    forwards, interrupt, ran = scheduler(), WatchedInterrupt(), []
    started, finish = threading.Event(), threading.Event()

    def long(batch: Any) -> None:
        started.set()
        finish.wait(30)

    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(forwards.run, long, BATCH, Interrupt())
        assert started.wait(10)
        second = callers.submit(forwards.run, lambda batch: ran.append(1), BATCH, interrupt)
        assert interrupt.waiting.wait(10)
        interrupt.cancel()
        with pytest.raises(RequestCancelled):
            second.result(10)
        finish.set()
        first.result(10)
    forwards.close()
    assert not ran


def test_a_request_whose_deadline_passes_during_its_forward_does_not_wait_for_it() -> None:
    forwards, finish = scheduler(), threading.Event()
    with pytest.raises(DeadlineExceeded):
        forwards.run(lambda batch: finish.wait(30), BATCH, Interrupt(0.1))
    finish.set()
    forwards.close()


@pytest.mark.parametrize(("side", "images", "slices"), [(1024, 3, [1, 1, 1]), (512, 5, [4, 1]), (64, 9, [9])])
def test_a_batch_runs_in_slices_of_bounded_pixels_and_answers_as_a_whole(
    side: int, images: int, slices: list[int]
) -> None:
    forwards = scheduler(max_forward_pixels=1024 * 1024)
    batch = np.arange(images, dtype=np.float32)[:, None, None, None] * np.ones((1, 3, side, side), np.float32)
    outputs = forwards.run(lambda part: part.mean(axis=(1, 2, 3)), batch, Interrupt())
    assert [len(output) for output in outputs] == slices
    assert np.concatenate(outputs).tolist() == list(range(images))
    forwards.close()


def test_without_a_bound_a_batch_runs_whole() -> None:
    forwards = scheduler()
    assert forwards.run(len, np.zeros((64, 3, 512, 512), np.float32), Interrupt()) == [64]
    forwards.close()


def test_others_run_between_the_slices_of_a_large_batch() -> None:
    forwards, order = scheduler(max_forward_pixels=1), []
    started, go_on = threading.Event(), threading.Event()

    def large(batch: Any) -> None:
        order.append("large")
        started.set()
        go_on.wait(10)

    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(forwards.run, large, np.zeros((3, 3, 8, 8), np.float32), Interrupt())
        assert started.wait(10)
        interrupt = WatchedInterrupt()
        second = callers.submit(forwards.run, lambda batch: order.append("small"), BATCH, interrupt)
        assert interrupt.waiting.wait(10)
        go_on.set()
        first.result(10)
        second.result(10)
    forwards.close()
    assert order == ["large", "small", "large", "large"]


def test_a_cancelled_batch_leaves_its_further_slices_undone() -> None:
    forwards, interrupt, ran = scheduler(max_forward_pixels=1), Interrupt(), []

    def forward(batch: Any) -> None:
        ran.append(1)
        interrupt.cancel()

    with pytest.raises(RequestCancelled):
        forwards.run(forward, np.zeros((5, 3, 8, 8), np.float32), interrupt)
    forwards.close()
    assert len(ran) == 1
