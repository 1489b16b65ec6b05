"""What a call costs that is over before its turn comes."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest
from doctr_serve.rpc.call import Call
from doctr_serve.rpc.methods import METHODS


class Aborted(Exception):
    pass


class CancelledContext:
    """grpc's context of a call whose caller is gone: it takes no callback any more (grpc/_server.py)."""

    code: grpc.StatusCode | None = None

    def time_remaining(self) -> None:
        return None

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def set_trailing_metadata(self, metadata: Any) -> None:
        pass

    def add_callback(self, callback: Any) -> bool:
        return False

    def cancel(self) -> None:
        pass

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.code = code
        raise Aborted


def test_a_call_that_was_cancelled_before_its_turn_is_not_begun_and_starts_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", started.append)
    context = CancelledContext()
    method = METHODS["/doctr_serve.v1.OCRService/StreamPages"]
    call = Call(context, method, request_timeout_s=60, send_timeout_s=60)  # type: ignore[arg-type]
    began = False
    with pytest.raises(Aborted), call.answer():
        began = True
    assert not began
    assert not started
    assert context.code is grpc.StatusCode.CANCELLED
