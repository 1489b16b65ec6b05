"""What the log keeps of messages that cannot be parsed."""

from __future__ import annotations

import logging

import pytest
from doctr_serve.common.logs import MALFORMED_INTERVAL_S, MalformedMessages
from grpc import _common


@pytest.fixture
def now_s() -> list[float]:
    return [0.0]


@pytest.fixture
def written(
    now_s: list[float], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    """What grpc's logger lets through."""
    monkeypatch.setattr(logging.getLogger("grpc._common"), "filters", [MalformedMessages(lambda: now_s[0])])
    return caplog


def broken(_: object) -> object:
    raise ValueError("a hostile caller's own words")


def test_malformed_messages_are_a_line_a_minute_without_a_traceback(
    written: pytest.LogCaptureFixture, now_s: list[float]
) -> None:
    for _ in range(100):
        assert _common.deserialize(b"garbage", broken) is None
    (record,) = written.records
    assert (record.levelno, record.levelname, record.exc_info) == (logging.WARNING, "WARNING", None)
    now_s[0] += MALFORMED_INTERVAL_S
    for _ in range(100):
        _common.deserialize(b"garbage", broken)
    assert len(written.records) == 2


def test_an_answer_that_cannot_be_serialised_keeps_its_traceback(written: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        _common.serialize(object(), broken)
    assert [record.levelname for record in written.records] == ["ERROR", "ERROR"]
    assert all(record.exc_info for record in written.records)
