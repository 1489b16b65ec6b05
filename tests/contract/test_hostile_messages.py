"""Messages that are made to hurt: garbage, and small ones that are large once parsed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from doctr_serve.v1 import ocr_pb2
from support.pages import png, short_pdf, two_columns
from support.server import failure_of, request
from support.waiting import eventually
from support.watched import Watched, watched_service

METHODS = ("StreamPages", "ReadDocuments", "UploadDocuments")


def call(channel: grpc.Channel, method: str, *messages: bytes) -> grpc.RpcError:
    """Sends raw messages and returns what the call fails with."""
    open_call = channel.stream_stream(f"/doctr_serve.v1.OCRService/{method}")
    with pytest.raises(grpc.RpcError) as caught:
        list(open_call(iter(messages), timeout=60))
    return caught.value


def test_garbage_leaves_no_traceback_and_hardly_a_line_in_the_log(
    server_address: str, server_folder: Path
) -> None:
    log_file = server_folder / "server.log"
    length_before = len(log_file.read_text())

    def log_of_the_calls() -> str:
        return log_file.read_text()[length_before:]

    with grpc.insecure_channel(server_address) as channel:
        for number in range(100):
            call(channel, METHODS[number % 3], b"\xff" * 1000)
    eventually(lambda: log_of_the_calls().count('"event": "call"') >= 100, what="a line for each call")
    log = log_of_the_calls()
    assert "Traceback" not in log
    assert "exception" not in log.replace("Exception deserializing message!", "").lower()
    assert log.count("Exception deserializing message!") <= 1
    # One line for each call, as every call has, and what calls of earlier tests may still write.
    assert log.count("\n") < 100 + 20


@pytest.fixture(scope="module")
def guarded(weights_dir: Path) -> Iterator[Watched]:
    with watched_service(weights_dir, min_upload_bytes_per_s=5000, upload_idle_timeout_s=1.0) as watched:
        yield watched


@pytest.mark.parametrize("method", METHODS)
def test_garbage_is_the_caller_s_fault_and_told_so(guarded: Watched, method: str) -> None:
    failure = failure_of(call(guarded.service.channel, method, b"\xff" * 1000))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert "no serialised doctr_serve.v1.OCRRequest" in failure.message


@pytest.mark.parametrize("method", METHODS)
def test_millions_of_empty_documents_are_refused_at_once(guarded: Watched, method: str) -> None:
    empty = b"\xf2\x01\x00" * 1_300_000
    started = time.monotonic()
    failure = failure_of(call(guarded.service.channel, method, empty))
    assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")
    assert time.monotonic() - started < 2


def test_requests_are_read_as_ever(guarded: Watched) -> None:
    assert guarded.service.stream(png(two_columns()))
    assert guarded.service.health() == "SERVING"
    assert guarded.service.stub.ListModels(ocr_pb2.ListModelsRequest(), timeout=30).models


def test_an_upload_that_drips_is_ended_and_frees_its_place(guarded: Watched) -> None:
    ended = threading.Event()

    def drip() -> Iterator[ocr_pb2.OCRRequest]:
        yield request(ocr_pb2.Document(name="slow.pdf", content=short_pdf(1)))
        while not ended.wait(0.2):
            yield request(ocr_pb2.Document(content=b"\n", continued=True))

    with pytest.raises(grpc.RpcError) as caught:
        list(guarded.service.stub.UploadDocuments(drip(), timeout=30))
    ended.set()
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert "min_upload_bytes_per_s" in failure.message
    eventually(guarded.is_idle, what="the end of the upload")
