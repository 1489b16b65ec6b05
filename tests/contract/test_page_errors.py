"""What fails costs its page or its document and not the others; the server's own faults tell nothing of its inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from doctr_serve.catalog import ModelTask
from doctr_serve.v1 import ocr_pb2
from google.rpc import code_pb2
from support.faulty_decoder import faulty
from support.pages import png, short_pdf, two_columns
from support.refusals import INVALID, assert_error_entry, assert_message, named, refusal
from support.samples import letter_jpeg
from support.server import request, unpacked
from support.watched import Watched, watched_service


def test_a_wrong_document_among_good_ones_is_an_entry_and_the_others_are_read(watched: Watched) -> None:
    documents = (short_pdf(1), named("notes.txt", b"text"), short_pdf(2))
    first, bad, *last = watched.service.stream(*documents)
    assert [(page.name, page.page_number) for page in (first, *last)] == [
        ("document-1", 1),
        ("document-3", 1),
        ("document-3", 2),
    ]
    assert all(page.pages[0].blocks for page in (first, *last))
    assert (bad.name, bad.page_number, bad.page_count) == ("notes.txt", 0, 0)
    assert not bad.pages
    assert not bad.dimensions
    assert bad.error.code == code_pb2.INVALID_ARGUMENT
    assert unpacked(bad.error.details)["ErrorInfo"].reason == "UNSUPPORTED_DOCUMENT"
    assert bad.error.message.startswith("'notes.txt': ")


def test_a_document_without_the_pages_asked_for_is_an_entry_among_the_others(watched: Watched) -> None:
    short, *long = watched.service.stream(named("one.pdf", short_pdf(1)), short_pdf(3), pages="2-")
    assert (short.name, short.page_number) == ("one.pdf", 0)
    assert "selects nothing of 'one.pdf', which has 1 page" in short.error.message
    assert [page.page_number for page in long] == [2, 3]
    assert not any(page.HasField("error") for page in long)


def test_a_request_whose_every_document_fails_is_refused_as_a_whole(watched: Watched) -> None:
    asked = request(named("notes.txt", b"text"), named("empty.pdf", b""))
    for method in ("ReadDocuments", "StreamPages"):
        failure = refusal(watched, asked, method)
        assert (failure.code, failure.fields) == (INVALID, ["notes.txt"])
    assert not watched.runtime.forwards


def test_a_page_that_cannot_be_decoded_is_an_entry_among_the_others(watched: Watched) -> None:
    documents = (short_pdf(1), named("half.jpg", letter_jpeg().content[:9000]), png(two_columns()))
    first, bad, last = watched.service.stream(*documents)
    assert first.pages[0].blocks
    assert last.pages[0].blocks
    assert_error_entry(bad, "half.jpg", code_pb2.INVALID_ARGUMENT, "UNREADABLE_DOCUMENT")
    assert list(bad.dimensions) == [1754, 1240]


def test_a_crash_of_the_decoder_costs_one_page(weights_dir: Path) -> None:
    command = faulty("crash:2")
    with watched_service(weights_dir, worker_command=command, max_concurrent_requests=1) as watched:
        first, bad, last = watched.service.stream(named("three.pdf", short_pdf(3)))
        assert (first.page_number, bad.page_number, last.page_number) == (1, 2, 3)
        assert first.pages[0].blocks
        assert last.pages[0].blocks
        assert_error_entry(bad, "three.pdf", code_pb2.INVALID_ARGUMENT, "DECODER_CRASHED")


def fail_on(backend: Any, task: ModelTask, *numbers: int) -> None:
    """Makes the n-th forwards of a task fail, as a bug would, with something that nobody outside may see."""
    count = 0

    def before(running: ModelTask) -> None:
        nonlocal count
        count += running is task
        if running is task and count in numbers:
            raise RuntimeError("internal detail: /etc/secret at 0x7f")

    backend.before = before


def test_a_page_whose_recognition_fails_is_an_entry_among_the_others(watched: Watched) -> None:
    fail_on(watched.runtime, ModelTask.RECOGNITION, 2)
    first, bad, last = watched.service.stream(named("three.pdf", short_pdf(3)))
    assert first.pages[0].blocks
    assert last.pages[0].blocks
    assert_error_entry(bad, "three.pdf", code_pb2.INTERNAL, "INTERNAL")
    assert "secret" not in str(bad)


def test_of_a_batch_whose_detection_fails_only_the_culprit_is_lost(watched: Watched) -> None:
    # The first page alone, then pages 2 and 3 together, then each of them alone.
    fail_on(watched.runtime, ModelTask.DETECTION, 2, 3)
    first, bad, last = watched.service.stream(named("three.pdf", short_pdf(3)), detection_batch_size=2)
    assert first.pages[0].blocks
    assert last.pages[0].blocks
    assert_error_entry(bad, "three.pdf", code_pb2.INTERNAL, "INTERNAL")


@pytest.mark.parametrize("task", [ModelTask.DETECTION, ModelTask.RECOGNITION])
def test_a_fault_of_the_server_tells_the_request_id_and_nothing_else(
    watched: Watched, task: ModelTask
) -> None:
    fail_on(watched.runtime, task, 1)
    failure = refusal(watched, request(short_pdf(1)))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert_message(failure, f"request id {failure.trailers['x-request-id']}")
    assert "secret" not in str(failure)


def test_a_fault_outside_the_pages_tells_the_request_id_and_nothing_else(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("internal detail: /etc/secret")

    monkeypatch.setattr(watched.engine, "predictor", broken)
    failure = refusal(watched, request(short_pdf(1)))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert_message(failure, f"request id {failure.trailers['x-request-id']}$")
    assert "secret" not in str(failure)


def test_a_fault_of_listing_models_does_not_leak_either(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Iterator[Any]:
        raise RuntimeError("internal detail: /etc/secret")

    monkeypatch.setattr(watched.engine.catalog, "entries", broken)
    with pytest.raises(grpc.RpcError) as caught:
        watched.service.stub.ListModels(ocr_pb2.ListModelsRequest(), timeout=60)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in caught.value.details()
