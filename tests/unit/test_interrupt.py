from __future__ import annotations

import time

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import DeadlineExceededError, RequestCancelledError


def test_without_a_deadline_work_goes_on_for_good() -> None:
    interrupt = Interrupt()
    interrupt.check()
    assert interrupt.remaining_s() is None


def test_a_cancelled_request_stops_at_its_next_step() -> None:
    interrupt = Interrupt(60)
    interrupt.cancel()
    interrupt.cancel()
    with pytest.raises(RequestCancelledError):
        interrupt.check()


def test_a_request_past_its_deadline_stops_and_says_how_long_it_had() -> None:
    interrupt = Interrupt(0.01)
    time.sleep(0.02)
    with pytest.raises(DeadlineExceededError, match=r"within 0\.01 s"):
        interrupt.check()
    assert interrupt.remaining_s() == 0


def test_the_remaining_time_runs_down() -> None:
    interrupt = Interrupt(60)
    first, second = interrupt.remaining_s(), interrupt.remaining_s()
    assert first is not None
    assert second is not None
    assert 59 < second <= first <= 60
