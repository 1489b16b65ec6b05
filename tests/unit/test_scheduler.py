from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import DeadlineExceededError, RequestCancelledError
from doctr_serve.inference.scheduler import ForwardScheduler
from support.waiting import eventually


def scheduler(concurrent: int = 1) -> ForwardScheduler:
    return ForwardScheduler(concurrent_forwards=concurrent, intra_op_threads=torch.get_num_threads())


def test_a_forward_runs_in_inference_mode_on_a_thread_of_its_own() -> None:
    forwards = scheduler()
    found = forwards.run(
        lambda: (torch.is_inference_mode_enabled(), threading.current_thread().name), Interrupt()
    )
    assert found[0]
    assert found[1].startswith("forward")
    assert not torch.is_inference_mode_enabled()
    forwards.close()


def test_a_forwards_exception_reaches_its_caller_and_the_next_one_runs() -> None:
    forwards = scheduler()
    with pytest.raises(ZeroDivisionError):
        forwards.run(lambda: 1 / 0, Interrupt())
    assert forwards.run(lambda: 42, Interrupt()) == 42
    forwards.close()


def test_a_timeout_that_a_forward_itself_raises_is_its_result() -> None:
    """concurrent.futures' own TimeoutError is the builtin one since Python 3.11, so that the two look alike."""
    forwards = scheduler()

    def fail() -> None:
        raise TimeoutError("the forward's own")

    with pytest.raises(TimeoutError, match="the forward's own"):
        forwards.run(fail, Interrupt(5))
    forwards.close()


@pytest.mark.parametrize("concurrent", [1, 2])
def test_no_more_forwards_run_at_once_than_set(concurrent: int) -> None:
    forwards = scheduler(concurrent)
    running, most, lock = 0, 0, threading.Lock()

    def forward() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1

    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda _: forwards.run(forward, Interrupt()), range(16)))
    assert most == concurrent
    forwards.close()


def test_a_request_cancelled_while_it_waits_never_runs() -> None:
    forwards, interrupt, ran = scheduler(), Interrupt(), []
    started, finish = threading.Event(), threading.Event()

    def long() -> None:
        started.set()
        finish.wait(30)

    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(forwards.run, long, Interrupt())
        assert started.wait(10)
        second = callers.submit(forwards.run, lambda: ran.append(1), interrupt)
        eventually(lambda: forwards._executor._work_queue.qsize() == 1)
        interrupt.cancel()
        with pytest.raises(RequestCancelledError):
            second.result(10)
        finish.set()
        first.result(10)
    forwards.close()
    assert not ran


def test_a_request_whose_deadline_passes_during_its_forward_does_not_wait_for_it() -> None:
    forwards, finish = scheduler(), threading.Event()
    with pytest.raises(DeadlineExceededError):
        forwards.run(lambda: finish.wait(30), Interrupt(0.1))
    finish.set()
    forwards.close()
