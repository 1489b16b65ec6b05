"""Callers who open calls and send nothing must not take the server out of service."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from doctr_serve.reading import arrivals
from doctr_serve.v1 import ocr_pb2
from support.pages import png, two_columns
from support.waiting import eventually
from support.watched import Watched, watched_service

SILENT_CALLS = 60
"""More than the server has threads."""


@pytest.fixture(scope="module")
def watched(weights_dir: Path) -> Iterator[Watched]:
    with watched_service(
        weights_dir,
        max_concurrent_requests=2,
        max_queued_requests=4,
        max_uploads=6,
        upload_idle_timeout_s=1.0,
    ) as it:
        yield it


@contextmanager
def silent_calls(watched: Watched, method: str) -> Iterator[list[grpc.Call]]:
    """So many calls that have sent their headers and nothing else."""
    channel = grpc.insecure_channel(watched.service.address, options=[("grpc.use_local_subchannel_pool", 1)])
    quiet = threading.Event()

    def nothing() -> Iterator[bytes]:
        quiet.wait(60)
        yield from ()

    open_call = channel.stream_stream(method, request_serializer=None, response_deserializer=None)
    calls = [open_call(nothing()) for _ in range(SILENT_CALLS)]
    try:
        yield calls
    finally:
        quiet.set()
        for call in calls:
            call.cancel()
        channel.close()


@pytest.mark.parametrize("method", ["StreamPages", "ReadDocuments", "UploadDocuments"])
def test_silent_calls_are_ended_and_meanwhile_health_and_models_answer(watched: Watched, method: str) -> None:
    with silent_calls(watched, f"/doctr_serve.v1.OCRService/{method}") as calls:
        assert watched.service.health() == "SERVING"
        assert watched.service.stub.ListModels(ocr_pb2.ListModelsRequest(), timeout=5).models
        codes = {call.code() for call in calls}
    assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED}
    assert watched.service.stream(png(two_columns()))


def test_silent_calls_hold_no_place_in_the_queue(weights_dir: Path) -> None:
    with (
        watched_service(
            weights_dir, max_concurrent_requests=1, max_queued_requests=0, max_uploads=99
        ) as roomy,
        silent_calls(roomy, "/doctr_serve.v1.OCRService/StreamPages") as calls,
    ):
        assert roomy.service.health() == "SERVING"
        assert roomy.service.stream(png(two_columns()))
        assert all(call.is_active() for call in calls)


@pytest.mark.parametrize("method", ["ReadDocuments", "UploadDocuments"])
def test_silent_calls_give_way_to_one_that_is_not(
    weights_dir: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "GIVES_WAY_AFTER_S", 0.5)
    with (
        watched_service(weights_dir, max_uploads=6, upload_idle_timeout_s=60) as full,
        silent_calls(full, f"/doctr_serve.v1.OCRService/{method}") as calls,
    ):
        assert full.service.health() == "SERVING"
        eventually(lambda: sum(call.is_active() for call in calls) == 6)
        time.sleep(1)
        assert sum(call.is_active() for call in calls) == 6, "nobody needs what they hold"
        assert full.service.stream(png(two_columns()))
        eventually(lambda: sum(call.is_active() for call in calls) == 5)
        assert {call.code() for call in calls if not call.is_active()} == {grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_silent_health_checks_leave_documents_alone(watched: Watched) -> None:
    with silent_calls(watched, "/grpc.health.v1.Health/Check"):
        assert watched.service.stream(png(two_columns()), timeout_s=60)


def test_a_call_without_a_message_is_refused(watched: Watched) -> None:
    open_call = watched.service.channel.stream_stream("/doctr_serve.v1.OCRService/ListModels")
    call = open_call(iter(()))
    assert call.code() is grpc.StatusCode.INVALID_ARGUMENT
