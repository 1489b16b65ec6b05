"""What bounds a request and what bounds the server, each over a real channel."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from doctr_serve.catalog import ModelTask
from doctr_serve.formats.protobuf import page_result
from doctr_serve.v1 import ocr_pb2
from google.api import httpbody_pb2
from support.open_files import open_files
from support.pages import png, short_pdf, two_columns
from support.server import Failure, failure_of, request
from support.small_disk import small_disk
from support.small_engine import WatchedRuntime
from support.waiting import eventually
from support.watched import Watched, watched_service

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.fixture(scope="module")
def _limited(weights_dir: Path) -> Iterator[Watched]:
    with watched_service(
        weights_dir,
        max_concurrent_requests=1,
        max_queued_requests=1,
        max_documents=3,
        max_pages=5,
        max_request_bytes=100_000,
        max_message_bytes=200_000,
        max_page_pixels=1_000_000,
        spool_memory_bytes=1000,
        request_timeout_s=30,
    ) as watched:
        yield watched


@pytest.fixture
def limited(_limited: Watched) -> Iterator[Watched]:
    """A server with low limits: one request at work, one waiting."""
    with _limited.lent() as lent:
        yield lent


def refusal(call: Callable[[], Any]) -> Failure:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return failure_of(caught.value)


@contextmanager
def busy(backend: WatchedRuntime) -> Iterator[threading.Event]:
    """Lets every forward wait until the event is set, at the latest at the end of the block."""
    opened = threading.Event()
    backend.before = lambda task: None if opened.wait(60) else pytest.fail("nobody opened")
    try:
        yield opened
    finally:
        opened.set()


TOO_LARGE: dict[str, tuple[Callable[[], ocr_pb2.OCRRequest], str]] = {
    "documents": (lambda: request(*[png(two_columns()[:20, :20])] * 4), "more than .*3"),
    "pages of one document": (lambda: request(short_pdf(6)), "more than 5 pages"),
    "pages of all documents": (lambda: request(short_pdf(3), short_pdf(3)), "more than 5 pages"),
    "bytes": (lambda: request(bytes(60_000), bytes(60_000)), "larger than 100000 bytes"),
}


@pytest.mark.parametrize("upload", [False, True], ids=["whole", "uploaded"])
@pytest.mark.parametrize("case", TOO_LARGE)
def test_a_request_that_is_too_large_is_refused_without_a_retry(
    limited: Watched, case: str, upload: bool
) -> None:
    make, message = TOO_LARGE[case]
    stub = limited.service.stub
    calls = {
        False: lambda: stub.ReadDocuments(make(), timeout=30),
        True: lambda: list(stub.UploadDocuments(iter([make()]), timeout=30)),
    }
    failure = refusal(calls[upload])
    assert (failure.code, failure.reason, failure.retry_after_s) == (EXHAUSTED, "REQUEST_TOO_LARGE", None)
    assert_matches(message, failure.message)
    assert not limited.runtime.forwards


def assert_matches(pattern: str, text: str) -> None:
    assert re.search(pattern, text), text


def test_fewer_pages_selected_are_few_enough(limited: Watched) -> None:
    assert len(limited.service.stream(short_pdf(6), pages="1-5")) == 5


def test_a_page_with_too_many_pixels_is_refused_before_it_is_decoded(limited: Watched) -> None:
    failure = refusal(lambda: limited.service.stream(png(two_columns().repeat(2, axis=0))))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOO_LARGE")
    assert_matches("640 x 1720 pixels is more than the 1000000", failure.message)


def test_a_message_beyond_the_limit_is_refused_by_grpc(limited: Watched) -> None:
    failure = refusal(lambda: limited.service.stream(bytes(250_000)))
    assert failure.code is EXHAUSTED
    # grpc's words: "SERVER: Received message larger than max (250009 vs. 200000)"
    assert_matches(r"larger than max \(\d+ vs\. 200000\)", failure.message)


def test_an_upload_that_is_too_large_is_refused_while_it_arrives(limited: Watched) -> None:
    sent = 0

    def endless() -> Iterator[ocr_pb2.OCRRequest]:
        nonlocal sent
        yield request(ocr_pb2.Document(name="endless.pdf", content=b"%PDF-1.7\n"))
        while True:
            sent += 10_000
            yield request(ocr_pb2.Document(content=bytes(10_000), continued=True))

    failure = refusal(lambda: list(limited.service.stub.UploadDocuments(endless(), timeout=30)))
    assert (failure.code, failure.reason) == (EXHAUSTED, "REQUEST_TOO_LARGE")
    # What was under way when the answer came: some messages in grpc's and the server's buffers.
    assert sent < 2_000_000


@pytest.mark.parametrize(
    "piece",
    [
        ocr_pb2.Document(continued=True),
        ocr_pb2.Document(continued=True, name="n" * 1000),
        ocr_pb2.Document(continued=True, pdf_password="p" * 100_000),
    ],
    ids=["nothing", "names", "passwords"],
)
def test_an_upload_that_brings_no_content_reaches_a_limit(limited: Watched, piece: ocr_pb2.Document) -> None:
    sent = 0

    def endless() -> Iterator[ocr_pb2.OCRRequest]:
        nonlocal sent
        yield request(ocr_pb2.Document(name="endless.pdf", content=b"%PDF-1.7\n"))
        while sent < 200_000:
            sent += 1
            yield request(piece)

    failure = refusal(lambda: list(limited.service.stub.UploadDocuments(endless(), timeout=60)))
    assert (failure.code, failure.reason) == (EXHAUSTED, "REQUEST_TOO_LARGE")
    assert_matches("send pieces of 64 KiB or more", failure.message)
    assert sent < 200_000


def test_an_answer_is_no_larger_for_a_long_name(limited: Watched) -> None:
    (result,) = limited.service.stream(ocr_pb2.Document(name="n" * 255, content=short_pdf(1)))
    assert result.name == "n" * 255
    failure = refusal(
        lambda: limited.service.stream(ocr_pb2.Document(name="n" * 150_000, content=short_pdf(1)))
    )
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert_matches("more than 255", failure.message)


def test_documents_in_pieces_are_put_together(limited: Watched) -> None:
    whole = short_pdf(2)
    pieces = [whole[start : start + 300] for start in range(0, len(whole), 300)]
    assert len(pieces) > 2
    messages = [request(ocr_pb2.Document(name="a.pdf", content=pieces[0]), group_blocks=True)]
    messages += [request(ocr_pb2.Document(content=piece, continued=True)) for piece in pieces[1:]]
    messages += [request(ocr_pb2.Document(content=short_pdf(1)))]
    results = list(limited.service.stub.UploadDocuments(iter(messages), timeout=60))
    assert [(result.name, result.page_number) for result in results] == [
        ("a.pdf", 1),
        ("a.pdf", 2),
        ("document-2", 1),
    ]
    expected = limited.service.stream(whole, short_pdf(1), group_blocks=True)
    assert [result.pages for result in results] == [result.pages for result in expected]


def test_a_form_in_pieces_is_put_together(limited: Watched) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="form.pdf"\r\n\r\n'
    body = head + short_pdf(2) + b"\r\n--x--\r\n"
    first = httpbody_pb2.HttpBody(content_type="multipart/form-data; boundary=x", data=body[:50])
    messages = [ocr_pb2.OCRRequest(body=first, detect_language=True)]
    messages += [
        ocr_pb2.OCRRequest(body=httpbody_pb2.HttpBody(data=body[start : start + 999]))
        for start in range(50, len(body), 999)
    ]
    results = list(limited.service.stub.UploadDocuments(iter(messages), timeout=60))
    assert [(result.name, result.page_number) for result in results] == [("form.pdf", 1), ("form.pdf", 2)]
    assert all(result.language.HasField("value") for result in results)


def test_a_full_queue_refuses_with_a_delay_after_which_there_is_room(limited: Watched) -> None:
    with busy(limited.runtime) as opened:
        calls = [
            limited.service.stub.ReadDocuments.future(request(short_pdf(1)), timeout=60) for _ in range(2)
        ]
        eventually(lambda: limited.in_flight == 2, what="two requests in flight")
        failure = refusal(lambda: limited.service.stub.ReadDocuments(request(short_pdf(1)), timeout=60))
        opened.set()
        assert [len(call.result().results) for call in calls] == [1, 1]
    assert (failure.code, failure.reason) == (EXHAUSTED, "QUEUE_FULL")
    assert failure.retry_after_s is not None
    assert 0 < failure.retry_after_s <= 60
    assert int(failure.trailers["retry-after"]) >= failure.retry_after_s
    eventually(lambda: limited.in_flight < 2)
    assert limited.service.stream(short_pdf(1))


def test_a_full_queue_still_lists_models_and_tells_its_health(limited: Watched) -> None:
    with busy(limited.runtime):
        # Held on to: grpc cancels a call whose future is collected.
        calls = [
            limited.service.stub.ReadDocuments.future(request(short_pdf(1)), timeout=60) for _ in range(2)
        ]
        eventually(lambda: limited.in_flight == len(calls))
        assert limited.service.stub.ListModels(ocr_pb2.ListModelsRequest(), timeout=30).models
        assert limited.service.health() == "SERVING"


def test_a_request_that_is_cancelled_while_it_waits_gives_its_place_back(limited: Watched) -> None:
    with busy(limited.runtime) as opened:
        first = limited.service.stub.ReadDocuments.future(request(short_pdf(1)), timeout=60)
        eventually(lambda: limited.runtime.forwards)
        waiting = limited.service.stub.ReadDocuments.future(request(short_pdf(1)), timeout=60)
        eventually(lambda: limited.in_flight == 2)
        waiting.cancel()
        eventually(lambda: limited.in_flight == 1, what="the place of the cancelled request")
        after = limited.service.stub.ReadDocuments.future(request(short_pdf(1)), timeout=60)
        opened.set()
        assert len(first.result().results) == len(after.result().results) == 1
    assert len(limited.runtime.batch_sizes(ModelTask.RECOGNITION)) == 2


@pytest.fixture(scope="module")
def _hurried(weights_dir: Path) -> Iterator[Watched]:
    with watched_service(
        weights_dir, max_concurrent_requests=1, max_queued_requests=1, request_timeout_s=1.5
    ) as watched:
        yield watched


@pytest.fixture
def hurried(_hurried: Watched) -> Iterator[Watched]:
    """A server that gives a request 1.5 s."""
    with _hurried.lent() as lent:
        yield lent


@pytest.mark.parametrize("method", ["StreamPages", "ReadDocuments"])
def test_the_servers_own_deadline_ends_a_request(hurried: Watched, method: str) -> None:
    calls = {
        "StreamPages": lambda: hurried.service.stream(short_pdf(1)),
        "ReadDocuments": lambda: hurried.service.stub.ReadDocuments(request(short_pdf(1)), timeout=60),
    }
    with busy(hurried.runtime):
        failure = refusal(calls[method])
    assert (failure.code, failure.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert_matches("within 1.5 s.*request_timeout_s", failure.message)
    assert failure.trailers["x-request-id"]


def test_the_deadline_counts_the_time_in_the_queue(hurried: Watched) -> None:
    with busy(hurried.runtime):
        stub = hurried.service.stub
        calls = [stub.ReadDocuments.future(request(short_pdf(1)), timeout=60) for _ in range(2)]
        codes = [refusal(call.result).code for call in calls]
    assert codes == [grpc.StatusCode.DEADLINE_EXCEEDED] * 2


def test_a_caller_who_stops_uploading_is_timed_out_and_frees_its_place(hurried: Watched) -> None:
    hang_up = threading.Event()

    def stalled() -> Iterator[ocr_pb2.OCRRequest]:
        yield request(ocr_pb2.Document(name="slow.pdf", content=short_pdf(1)[:100]))
        hang_up.wait(60)

    failure = refusal(lambda: list(hurried.service.stub.UploadDocuments(stalled(), timeout=60)))
    hang_up.set()
    assert (failure.code, failure.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    eventually(lambda: hurried.in_flight == 0)
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "upload"])


def test_a_caller_who_stops_reading_is_cut_off_and_frees_its_place(
    hurried: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def large(*arguments: Any) -> ocr_pb2.PageResult:
        """A result of a megabyte, so that a few pages fill the windows of the connection."""
        result = page_result(*arguments)
        result.pages.add().blocks.add().lines.add().words.add().value = "w" * 1_000_000
        return result

    monkeypatch.setattr("doctr_serve.rpc.servicer.page_result", large)
    stream = hurried.service.stub.StreamPages(request(short_pdf(30)), timeout=60)
    next(stream)
    eventually(lambda: hurried.in_flight == 0, what="the end of the unread call")
    assert len(hurried.runtime.batch_sizes(ModelTask.RECOGNITION)) < 30
    stream.cancel()


def test_an_upload_that_finds_the_disk_full_is_told_to_come_back(limited: Watched, tmp_path: Path) -> None:
    upload = [request(ocr_pb2.Document(name="a.pdf", content=short_pdf(1) + bytes(80_000)))]
    with small_disk(tmp_path, 40_000):
        failure = refusal(lambda: list(limited.service.stub.UploadDocuments(iter(upload), timeout=60)))
    assert (failure.code, failure.reason) == (EXHAUSTED, "STORAGE_FULL")
    assert failure.retry_after_s is not None
    assert int(failure.trailers["retry-after"]) >= failure.retry_after_s > 0
    assert len(list(limited.service.stub.UploadDocuments(iter(upload), timeout=60))) == 1


def test_temporary_files_of_an_upload_are_gone_when_it_ends(
    limited: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[int] = []
    limited.runtime.before = lambda task: seen.append(len(open_files(tmp_path)))
    messages = [request(ocr_pb2.Document(name="a.pdf", content=short_pdf(3)))]
    list(limited.service.stub.UploadDocuments(iter(messages), timeout=60))
    stream = limited.service.stub.UploadDocuments(iter(messages), timeout=60)
    next(stream)
    stream.cancel()
    eventually(limited.is_idle)
    assert max(seen) > 0, "the document was in a file"
    eventually(lambda: not open_files(tmp_path), what="no open file")
    assert not list(tmp_path.rglob("*")), "the files have no names, and so survive nobody"
