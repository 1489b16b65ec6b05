from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing
from doctr_serve.reading.turns import PageTurns
from support.waiting import eventually


class Waiter:
    """A request in a thread of its own that asks for a turn and holds it until it is told to let go."""

    def __init__(self, turns: PageTurns, threads: ThreadPoolExecutor, standing: Standing) -> None:
        self.has_turn, self.let_go = threading.Event(), threading.Event()
        waiting = turns.waiting
        threads.submit(self._run, turns, standing)
        eventually(lambda: self.has_turn.is_set() or turns.waiting > waiting)

    def _run(self, turns: PageTurns, standing: Standing) -> None:
        with turns.turn(standing, Interrupt(30)):
            self.has_turn.set()
            assert self.let_go.wait(30)


def test_one_turn_is_kept_for_requests_that_have_had_no_page() -> None:
    turns = PageTurns(3)
    with ThreadPoolExecutor(5) as threads:
        long = [Waiter(turns, threads, Standing(pages_read=1)) for _ in range(3)]
        assert [waiter.has_turn.is_set() for waiter in long] == [True, True, False]
        new = Waiter(turns, threads, Standing())
        assert new.has_turn.is_set()
        new.let_go.set()
        assert not long[2].has_turn.wait(0.05)
        long[0].let_go.set()
        assert long[2].has_turn.wait(10)
        for waiter in long:
            waiter.let_go.set()


def test_a_single_turn_is_for_everybody() -> None:
    turns = PageTurns(1)
    with turns.turn(Standing(pages_read=5), Interrupt(1)):
        pass


def test_new_requests_may_have_every_turn() -> None:
    turns = PageTurns(3)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(turns.turn(Standing(), Interrupt(1)))
        assert turns.waiting == 0
