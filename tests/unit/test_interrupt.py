from __future__ import annotations

import threading
import time

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import DeadlineExceeded, RequestCancelled, StopSignal


def test_without_a_deadline_work_goes_on_for_good() -> None:
    interrupt = Interrupt()
    interrupt.check()
    assert interrupt.remaining_s() is None


def test_a_cancelled_request_stops_at_its_next_step() -> None:
    interrupt = Interrupt(60)
    interrupt.cancel()
    interrupt.cancel()
    with pytest.raises(RequestCancelled):
        interrupt.check()


def test_a_request_past_its_deadline_stops_and_says_how_long_it_had() -> None:
    interrupt = Interrupt(0.01)
    time.sleep(0.02)
    with pytest.raises(DeadlineExceeded, match=r"within 0\.01 s"):
        interrupt.check()
    assert interrupt.remaining_s() == 0


def test_the_remaining_time_runs_down() -> None:
    interrupt = Interrupt(60)
    first, second = interrupt.remaining_s(), interrupt.remaining_s()
    assert first is not None
    assert second is not None
    assert 59 < second <= first <= 60


def test_a_wait_ends_as_soon_as_what_it_waits_for_has_come() -> None:
    event = threading.Event()
    threading.Timer(0.1, event.set).start()
    assert Interrupt(60).wait(event.wait)


def test_a_wait_gives_up_after_its_timeout() -> None:
    started = time.monotonic()
    assert not Interrupt().wait(threading.Event().wait, timeout_s=0.12)
    assert 0.1 < time.monotonic() - started < 5


@pytest.mark.parametrize("expires", [False, True], ids=["cancelled", "expired"])
def test_a_wait_ends_with_the_request(expires: bool) -> None:
    interrupt = Interrupt(0.1 if expires else None)
    if not expires:
        threading.Timer(0.1, interrupt.cancel).start()
    with pytest.raises(DeadlineExceeded if expires else RequestCancelled):
        interrupt.wait(threading.Event().wait)


def test_nothing_is_waited_for_once_the_request_is_stopped() -> None:
    interrupt = Interrupt()
    interrupt.cancel()
    with pytest.raises(RequestCancelled):
        interrupt.wait(lambda seconds: pytest.fail("looked"))


def test_no_handler_of_failures_takes_a_stop_signal_for_one() -> None:
    """As asyncio.CancelledError: an ``except Exception`` around a page's work must not end up with a cancel."""
    for stop in (DeadlineExceeded, RequestCancelled):
        assert issubclass(stop, StopSignal)
        assert not issubclass(stop, Exception)
