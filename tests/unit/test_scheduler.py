from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing
from doctr_serve.errors import DeadlineExceeded, RequestCancelled
from doctr_serve.inference.scheduler import ForwardScheduler
from support.watched_interrupt import WatchedInterrupt

BATCH = np.zeros((1, 3, 8, 8), np.float32)


class CallingRuntime:
    """A runtime whose handles are functions of the batch."""

    def __init__(self, max_forward_pixels: int | None = None, shared_forward_pixels: int = 0) -> None:
        self.max_forward_pixels = max_forward_pixels
        self.shared_forward_pixels = shared_forward_pixels

    def load(self, entry: Any) -> Any:
        raise NotImplementedError

    def enter_thread(self) -> None:
        pass

    def run(self, handle: Callable[[Any], Any], batch: Any) -> Any:
        return handle(batch)


def scheduler(
    concurrent: int = 1,
    max_forward_pixels: int | None = None,
    shared_forward_pixels: int = 0,
    batch_wait_s: float = 0,
) -> ForwardScheduler:
    runtime = CallingRuntime(max_forward_pixels, shared_forward_pixels)
    return ForwardScheduler(runtime, concurrent_forwards=concurrent, batch_wait_s=batch_wait_s)


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


class Model:
    """Adds one to each image's mean; the first call waits until it is told to go on."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.started, self.go_on = threading.Event(), threading.Event()

    def __call__(self, batch: Any) -> Any:
        self.sizes.append(len(batch))
        self.started.set()
        assert self.go_on.wait(10)
        if (batch == -1).any():
            raise ValueError("an image that no model takes")
        return batch.mean(axis=(1, 2, 3)) + 1


def images(*values: float) -> Any:
    return np.array(values, np.float32)[:, None, None, None] * np.ones((1, 3, 8, 8), np.float32)


def run_behind_one_that_holds_the_forwards(
    forwards: ForwardScheduler, model: Model, *batches: Any
) -> list[Any]:
    """Starts the batches in this order while a first forward runs, and returns their futures, done."""
    with ThreadPoolExecutor(len(batches) + 1) as callers:
        callers.submit(forwards.run, model, images(0), Interrupt())
        assert model.started.wait(10)
        answers = []
        for batch in batches:
            interrupt = WatchedInterrupt()
            answers.append(callers.submit(forwards.run, model, batch, interrupt))
            assert interrupt.waiting.wait(10)
        model.go_on.set()
    return answers


def test_small_batches_of_several_requests_share_a_forward_and_each_gets_its_own() -> None:
    forwards, model = scheduler(shared_forward_pixels=4 * 64), Model()
    answers = run_behind_one_that_holds_the_forwards(forwards, model, images(1), images(2, 3), images(4, 5))
    forwards.close()
    assert model.sizes == [1, 3, 2], "as many as are worth sharing, and no more"
    assert [np.concatenate(answer.result()).tolist() for answer in answers] == [[2], [3, 4], [5, 6]]


def test_batches_of_another_shape_or_another_model_do_not_share_a_forward() -> None:
    forwards, model = scheduler(shared_forward_pixels=10**6), Model()
    other_shape = np.zeros((1, 3, 8, 16), np.float32)
    run_behind_one_that_holds_the_forwards(forwards, model, images(1), other_shape)
    forwards.run(lambda batch: batch, images(1), Interrupt())
    forwards.close()
    assert model.sizes == [1, 1, 1]


def test_a_failure_in_a_shared_forward_is_told_to_whose_image_it_was() -> None:
    forwards, model = scheduler(shared_forward_pixels=10**6), Model()
    answers = run_behind_one_that_holds_the_forwards(forwards, model, images(1), images(-1), images(2))
    forwards.close()
    with pytest.raises(ValueError, match="no model takes"):
        answers[1].result()
    assert [np.concatenate(answers[at].result()).tolist() for at in (0, 2)] == [[2], [3]]


def test_a_new_request_runs_before_the_waiting_slices_of_long_ones() -> None:
    forwards, order = scheduler(), []
    started, go_on = threading.Event(), threading.Event()

    def named(name: str) -> Callable[[Any], None]:
        def forward(batch: Any) -> None:
            order.append(name)
            started.set()
            assert go_on.wait(10)

        return forward

    with ThreadPoolExecutor(3) as callers:
        callers.submit(forwards.run, named("at work"), BATCH, Interrupt())
        assert started.wait(10)
        for name, standing in (("long", Standing(pages_read=3)), ("new", Standing())):
            interrupt = WatchedInterrupt()
            callers.submit(forwards.run, named(name), BATCH, interrupt, standing)
            assert interrupt.waiting.wait(10)
        go_on.set()
    forwards.close()
    assert order == ["at work", "new", "long"]


def test_a_forward_that_others_may_fill_waits_for_them_no_longer_than_set() -> None:
    forwards, model = scheduler(shared_forward_pixels=2 * 64, batch_wait_s=30), Model()
    model.go_on.set()
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(forwards.run, model, images(1), Interrupt())
        assert not model.started.wait(0.2)
        forwards.run(model, images(2), Interrupt())
        first.result(10)
    forwards.close()
    assert model.sizes == [2]


def test_what_waits_when_the_scheduler_closes_is_dropped_and_nothing_is_taken_after_it() -> None:
    forwards, model = scheduler(), Model()
    with ThreadPoolExecutor(3) as callers:
        callers.submit(forwards.run, model, images(0), Interrupt())
        assert model.started.wait(10)
        interrupt = WatchedInterrupt()
        waiting = callers.submit(forwards.run, model, images(1), interrupt)
        assert interrupt.waiting.wait(10)
        closing = callers.submit(forwards.close)
        with pytest.raises(CancelledError):
            waiting.result(10)
        model.go_on.set()
        closing.result(10)
    with pytest.raises(CancelledError):
        forwards.run(model, images(1), Interrupt())
    assert model.sizes == [1]
