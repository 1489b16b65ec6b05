from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.memory_budget import MemoryBudget
from doctr_serve.documents.page_memory import PageMemory
from doctr_serve.errors import DeadlineExceeded
from support.watched_interrupt import WatchedInterrupt


def test_what_fits_is_had_at_once_and_what_does_not_waits_until_it_does() -> None:
    budget, waiting = MemoryBudget(100), WatchedInterrupt()
    budget.take(60, Interrupt())
    with ThreadPoolExecutor(1) as threads:
        taken = threads.submit(budget.take, 50, waiting)
        assert waiting.waiting.wait(10)
        assert not taken.done()
        budget.give_back(60)
        taken.result(10)
    assert budget.held_bytes == 50


def test_what_is_larger_than_all_of_it_waits_until_nothing_else_is_held() -> None:
    budget = MemoryBudget(100)
    budget.take(500, Interrupt())
    with pytest.raises(DeadlineExceeded):
        budget.take(1, Interrupt(0.05))
    budget.give_back(500)
    budget.take(1, Interrupt(0.05))


def test_who_stops_waiting_holds_nothing() -> None:
    budget = MemoryBudget(100)
    budget.take(100, Interrupt())
    with pytest.raises(DeadlineExceeded):
        budget.take(10, Interrupt(0.05))
    budget.give_back(100)
    assert budget.held_bytes == 0


def test_room_is_waited_for_before_the_first_page_and_had_at_once_after_that() -> None:
    budget, waiting = MemoryBudget(700), WatchedInterrupt()
    first, second = PageMemory(budget, Interrupt(5)), PageMemory(budget, waiting)
    first.reserve(500)
    first.reserve(500)
    assert budget.held_bytes == 500, "once"
    with ThreadPoolExecutor(1) as threads:
        reserved = threads.submit(second.reserve, 300)
        assert waiting.waiting.wait(10)
        first.allocate(10, 10)  # smaller than was thought
        reserved.result(10)
    assert budget.held_bytes == 600
    second.close()
    first.release(300)
    assert budget.held_bytes == 0


def test_requests_with_pages_in_hand_do_not_wait_for_each_other() -> None:
    budget = MemoryBudget(2 * 300)
    requests = [PageMemory(budget, Interrupt(5)) for _ in range(2)]
    for memory in requests:
        assert memory.allocate(10, 10).shape == (10, 10, 3)
    for memory in requests:
        memory.allocate(10, 10)
    requests[0].release(300)
    for memory in requests:
        memory.close()
        memory.close()
    assert budget.held_bytes == 0
