from __future__ import annotations

from doctr_serve.common.fair_queue import FairQueue
from doctr_serve.common.standing import Standing


def order_of(queue: FairQueue[str]) -> list[str]:
    """What the queue gives out, until it is empty."""
    items = []
    while (item := queue.pop()) is not None:
        items.append(item)
    return items


def long(caller: str = "") -> Standing:
    """A request that has had a page."""
    return Standing(caller, pages_read=1)


def test_one_callers_work_comes_in_the_order_of_asking() -> None:
    queue: FairQueue[str] = FairQueue()
    for name in "abc":
        queue.push(name, Standing())
    assert order_of(queue) == ["a", "b", "c"]
    assert queue.pop() is None


def test_new_requests_come_before_those_that_have_had_a_page() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push("long", long())
    queue.push("new", Standing())
    assert order_of(queue) == ["new", "long"]


def test_new_requests_without_end_leave_a_quarter_to_the_others() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(3):
        queue.push("long", long())
    for _ in range(30):
        queue.push("new", Standing())
    assert order_of(queue)[:12] == ["new", "new", "new", "long"] * 3


def test_new_requests_owe_nothing_for_the_time_when_nobody_else_waited() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(5):
        queue.push("new", Standing())
        queue.pop()
    queue.push("long", long())
    queue.push("new", Standing())
    assert queue.pop() == "new"


def test_callers_have_equal_shares_however_much_each_asks_for() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(20):
        queue.push("many", Standing("a"))
    for _ in range(5):
        queue.push("few", Standing("b"))
    assert sorted(order_of(queue)[:10]) == ["few"] * 5 + ["many"] * 5


def test_large_work_costs_its_caller_more_turns() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(4):
        queue.push("large", Standing("a"), cost=3)
        queue.push("small", Standing("b"))
        queue.push("small", Standing("b"))
        queue.push("small", Standing("b"))
    assert sorted(order_of(queue)[:8]) == ["large"] * 2 + ["small"] * 6


def test_who_comes_back_has_saved_up_nothing() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(50):
        queue.push("busy", Standing("a"))
        queue.pop()
    for _ in range(6):
        queue.push("busy", Standing("a"))
        queue.push("back", Standing("b"))
    assert sorted(order_of(queue)[:6]) == ["back"] * 3 + ["busy"] * 3


def test_what_is_removed_never_comes() -> None:
    queue: FairQueue[str] = FairQueue()
    number = queue.push("left", Standing())
    queue.push("stays", Standing())
    assert queue.remove(number)
    assert not queue.remove(number)
    assert order_of(queue) == ["stays"]


def test_what_may_not_be_served_now_waits_and_holds_up_nobody() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push("not now", Standing())
    queue.push("now", long())
    assert queue.pop(lambda item: item == "now") == "now"
    assert queue.pop(lambda item: item == "now") is None
    assert len(queue) == 1
