from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing
from doctr_serve.errors import (
    DeadlineExceeded,
    GaveWay,
    NotReadyError,
    QueueFullError,
    RequestCancelled,
    ShuttingDownError,
)
from doctr_serve.reading.admission import Admission
from doctr_serve.reading.arrivals import Arrival
from support.watched_interrupt import WatchedInterrupt


def ready(*, concurrent: int = 1, queued: int = 2) -> Admission:
    admission = Admission(max_concurrent_requests=concurrent, max_queued_requests=queued)
    admission.set_ready()
    return admission


def test_nobody_gets_in_before_the_models_are_loaded() -> None:
    admission = Admission(max_concurrent_requests=1, max_queued_requests=1)
    with pytest.raises(NotReadyError), admission.place():
        pass
    admission.set_ready()
    with admission.place():
        assert not admission.wait_until_idle(0)


def test_nobody_gets_in_while_draining_but_those_inside_stay() -> None:
    admission = ready()
    with admission.place():
        admission.drain()
        with pytest.raises(ShuttingDownError), admission.place():
            pass
        assert not admission.wait_until_idle(0.01)
    assert admission.wait_until_idle(0)


def test_a_draining_server_that_was_never_ready_says_that_it_shuts_down() -> None:
    admission = Admission(max_concurrent_requests=1, max_queued_requests=0)
    admission.drain()
    with pytest.raises(ShuttingDownError), admission.place():
        pass


def test_places_are_bounded_and_come_back() -> None:
    admission = ready(concurrent=1, queued=1)
    with admission.place(), admission.place():
        with pytest.raises(QueueFullError) as caught, admission.place():
            pass
        assert caught.value.retry_after_s is not None
        assert 0 < caught.value.retry_after_s <= 60
    with admission.place(), admission.place():
        pass


def test_a_place_comes_back_when_the_request_fails() -> None:
    admission = ready(concurrent=1, queued=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="bad"), admission.place():
            raise ValueError("bad")
    assert admission.wait_until_idle(0)


def test_waiting_until_idle_ends_with_the_last_request() -> None:
    admission = ready()
    place = admission.place()
    place.__enter__()
    with ThreadPoolExecutor(1) as thread:
        idle = thread.submit(admission.wait_until_idle, 30)
        assert not idle.done()
        place.__exit__(None, None, None)
        assert idle.result(10)


class Worker:
    """A request in a thread of its own; holds its turn until told to finish."""

    def __init__(
        self, admission: Admission, threads: ThreadPoolExecutor, order: list[int], number: int
    ) -> None:
        self.interrupt = WatchedInterrupt()
        self.started, self.finish = threading.Event(), threading.Event()
        self._admission, self._order, self._number = admission, order, number
        self.future: Future[None] = threads.submit(self._run)

    def _run(self) -> None:
        with self._admission.turns(Standing(), self.interrupt).turn():
            self._order.append(self._number)
            self.started.set()
            assert self.finish.wait(30)


def test_turns_are_given_in_the_order_of_asking() -> None:
    admission, order = ready(), []
    with ThreadPoolExecutor(4) as threads:
        workers = [Worker(admission, threads, order, 0)]
        assert workers[0].started.wait(10)
        for number in (1, 2, 3):
            workers.append(Worker(admission, threads, order, number))
            assert workers[-1].interrupt.waiting.wait(10)
        for worker in workers:
            worker.finish.set()
    assert order == [0, 1, 2, 3]


def test_no_more_than_the_set_number_work_at_once() -> None:
    admission = ready(concurrent=3)
    working, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal working, most
        with admission.turns(Standing(), Interrupt()).turn():
            with lock:
                working += 1
                most = max(most, working)
            threading.Event().wait(0.005)
            with lock:
                working -= 1

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(work, range(60)))
    assert most == 3


@pytest.mark.parametrize("expires", [False, True], ids=["cancelled", "expired"])
def test_who_leaves_the_queue_gives_nobody_elses_turn_away(expires: bool) -> None:
    admission, order = ready(), []
    with ThreadPoolExecutor(3) as threads:
        first = Worker(admission, threads, order, 0)
        assert first.started.wait(10)
        leaving = WatchedInterrupt(0.05 if expires else None)
        left = threads.submit(lambda: admission.turns(Standing(), leaving).turn().__enter__())
        assert leaving.waiting.wait(10)
        if not expires:
            leaving.cancel()
        with pytest.raises(DeadlineExceeded if expires else RequestCancelled):
            left.result(10)
        last = Worker(admission, threads, order, 2)
        assert not last.started.wait(0.1)
        first.finish.set()
        assert last.started.wait(10)
        last.finish.set()
    with admission.turns(Standing(), Interrupt()).turn():
        pass


def test_turns_survive_many_who_leave_at_any_moment() -> None:
    """Races between a turn that comes and a request that leaves must lose no turn."""
    admission = ready(concurrent=2)

    def work(number: int) -> bool:
        try:
            with admission.turns(Standing(), Interrupt(0.001 * (number % 20) + 0.001)).turn():
                threading.Event().wait(0.002)
                return True
        except DeadlineExceeded:
            return False

    with ThreadPoolExecutor(16) as threads:
        assert any(threads.map(work, range(300)))
    with admission.turns(Standing(), Interrupt(1)).turn(), admission.turns(Standing(), Interrupt(1)).turn():
        pass


def test_the_retry_delay_grows_with_what_requests_take_and_with_the_queue() -> None:
    now = 0.0
    admission = Admission(max_concurrent_requests=1, max_queued_requests=0, clock=lambda: now)
    admission.set_ready()

    def read_for(seconds: float, requests: int) -> None:
        nonlocal now
        for _ in range(requests):
            with admission.turns(Standing(), Interrupt()) as turns:
                for _ in range(5):
                    with turns.turn():
                        now += seconds / 5
                    now += 100.0  # its caller takes the page

    def delay() -> float:
        with admission.place(), pytest.raises(QueueFullError) as caught, admission.place():
            pass
        assert caught.value.retry_after_s is not None
        return caught.value.retry_after_s

    read_for(5.0, 100)
    assert delay() == pytest.approx(5.0)
    waiting = WatchedInterrupt()
    with ThreadPoolExecutor(1) as threads, admission.turns(Standing(), Interrupt()).turn():
        queued = threads.submit(lambda: admission.turns(Standing(), waiting).turn().__enter__())
        assert waiting.waiting.wait(10)
        assert delay() == pytest.approx(10.0)
        waiting.cancel()
        with pytest.raises(RequestCancelled):
            queued.result(10)
    read_for(1000.0, 100)
    assert delay() == 60.0


def test_what_arrives_takes_no_place_and_no_place_is_taken_from_it() -> None:
    admission = Admission(max_concurrent_requests=1, max_queued_requests=0, max_uploads=2)
    admission.set_ready()
    with admission.arrival(Interrupt()) as arrival, admission.arrival(Interrupt()):
        with pytest.raises(QueueFullError, match="2 requests are arriving"), admission.arrival(Interrupt()):
            pass
        with admission.place(), pytest.raises(QueueFullError, match="1 requests"), arrival.place():
            pass
        with arrival.place(), pytest.raises(QueueFullError), admission.place():
            pass
    with admission.place(), pytest.raises(QueueFullError, match="1 requests"), admission.arrival(Interrupt()):
        pass


def test_what_was_arriving_when_the_drain_began_is_still_read() -> None:
    admission = ready()
    with admission.arrival(Interrupt()) as arrival:
        admission.drain()
        with pytest.raises(ShuttingDownError), admission.arrival(Interrupt()):
            pass
        assert not admission.wait_until_idle(0)
        with arrival.place():
            assert not admission.wait_until_idle(0)
    assert admission.wait_until_idle(0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def slow_and_fast(clock: Clock, *interrupts: Interrupt) -> tuple[Admission, ExitStack, list[Arrival]]:
    """Two requests that have arrived for ten seconds, the second at 20,000 bytes a second."""
    admission = Admission(
        max_concurrent_requests=1,
        max_queued_requests=9,
        max_uploads=2,
        min_upload_bytes_per_s=1024,
        clock=clock,
    )
    admission.set_ready()
    stack = ExitStack()
    arrivals = [stack.enter_context(admission.arrival(interrupt)) for interrupt in interrupts]
    clock.now += 10
    arrivals[0].note(100)
    arrivals[1].note(200_000)
    return admission, stack, arrivals


def test_the_slowest_arrival_gives_way_where_there_are_too_many_and_is_told_why() -> None:
    slow, fast, new = Interrupt(), Interrupt(), Interrupt()
    admission, stack, _ = slow_and_fast(Clock(), slow, fast)
    with stack, admission.arrival(new):
        with pytest.raises(GaveWay, match="came too slowly") as caught:
            slow.check()
        assert (caught.value.code, caught.value.reason) == ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
        assert caught.value.retry_after_s
        fast.check()
        new.check()
    assert admission.wait_until_idle(0)


def test_arrivals_that_are_new_or_fast_give_no_way() -> None:
    admission, stack, arrivals = slow_and_fast(Clock(), Interrupt(), Interrupt())
    with stack:
        arrivals[0].note(200_000)
        with pytest.raises(QueueFullError, match="2 requests are arriving"), admission.arrival(Interrupt()):
            pass


def test_where_one_caller_has_most_of_what_arrives_one_of_theirs_gives_way_at_once() -> None:
    admission = Admission(
        max_concurrent_requests=1, max_queued_requests=9, max_uploads=4, min_upload_bytes_per_s=1024
    )
    admission.set_ready()
    silent = [Interrupt() for _ in range(4)]
    with ExitStack() as stack:
        for interrupt in silent:
            stack.enter_context(admission.arrival(interrupt, "silent"))
        others = [stack.enter_context(admission.arrival(Interrupt(), "other")) for _ in range(2)]
        with pytest.raises(QueueFullError), admission.arrival(Interrupt(), "other"):
            pass
        with pytest.raises(QueueFullError), admission.arrival(Interrupt(), "silent"):
            pass
    assert len(others) == 2
    assert sum(_has_given_way(interrupt) for interrupt in silent) == 2


def _has_given_way(interrupt: Interrupt) -> bool:
    try:
        interrupt.check()
    except GaveWay:
        return True
    return False
