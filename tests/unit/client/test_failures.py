"""What the clients raise, what they try again, and for how long."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time

import grpc
import pytest
from doctr_serve import errors as server_errors
from doctr_serve_client import (
    CallCancelledError,
    DeadlineExceededError,
    FieldViolation,
    InvalidRequestError,
    OCRError,
    PageError,
    PermissionDeniedError,
    QueueFullError,
    RequestTooLargeError,
    ServerError,
    ServerUnavailableError,
    UnauthenticatedError,
    WeightsUnavailableError,
    page_text,
)

MIB = 1024 * 1024
NOT_READY = server_errors.NotReadyError("models are loading")


def queue_full(retry_after_s):
    return server_errors.QueueFullError("the queue is full", retry_after_s=retry_after_s)


@pytest.mark.parametrize(
    ("sent", "raised", "code"),
    [
        (server_errors.InvalidOptionError("no", field="pages"), InvalidRequestError, "INVALID_ARGUMENT"),
        (server_errors.WeightsUnavailableError("no"), WeightsUnavailableError, "FAILED_PRECONDITION"),
        (server_errors.RequestTooLargeError("no"), RequestTooLargeError, "RESOURCE_EXHAUSTED"),
        (queue_full(60), QueueFullError, "RESOURCE_EXHAUSTED"),
        (server_errors.DeadlineExceeded("no"), DeadlineExceededError, "DEADLINE_EXCEEDED"),
        (server_errors.InternalError("no"), ServerError, "INTERNAL"),
        (server_errors.UnauthenticatedError("no"), UnauthenticatedError, "UNAUTHENTICATED"),
        (server_errors.PermissionDeniedError("no"), PermissionDeniedError, "PERMISSION_DENIED"),
        (grpc.StatusCode.UNAUTHENTICATED, UnauthenticatedError, "UNAUTHENTICATED"),
        (grpc.StatusCode.PERMISSION_DENIED, PermissionDeniedError, "PERMISSION_DENIED"),
        (grpc.StatusCode.DATA_LOSS, ServerError, "DATA_LOSS"),
    ],
)
def test_each_code_has_its_class_for_every_kind_of_call(client, server, letter, book, sent, raised, code):
    calls = [
        lambda: client.read(letter, timeout_s=20),
        lambda: client.read(book, timeout_s=20),
        lambda: list(client.stream_pages(letter, timeout_s=20)),
        lambda: list(client.stream_pages(book, timeout_s=20)),
        lambda: client.list_models(timeout_s=20),
    ]
    for number, call in enumerate(calls):
        server.service.failures.append(sent)
        with pytest.raises(OCRError) as caught:
            call()
        assert type(caught.value) is raised
        assert caught.value.code is grpc.StatusCode[code]
        assert caught.value.request_id == f"request-{number}"


def test_an_error_says_what_the_server_said(client, server, tmp_path):
    bad = tmp_path / "bad.docx"
    bad.write_bytes(b"PK")

    with pytest.raises(InvalidRequestError) as caught:
        client.read(bad)

    error = caught.value
    assert error.message == "'bad.docx': is no JPEG, PNG or PDF"
    assert error.reason == "UNSUPPORTED_DOCUMENT"
    assert error.field_violations == (FieldViolation("bad.docx", error.message),)
    assert error.retry_after_s is None
    assert str(error) == "INVALID_ARGUMENT: 'bad.docx': is no JPEG, PNG or PDF (request request-0)"


def test_unavailable_is_tried_again(client, server, letter, book):
    for call in (client.read, lambda document: list(client.stream_pages(document))):
        for document in (letter, book):
            server.service.failures.append(NOT_READY)
            assert len(call(document)) == 1
    assert len(server.service.calls) == 8


def test_limits_are_asked_for_again(client, server):
    server.service.failures.append(NOT_READY)

    assert client.limits().limits.max_documents == 64


def test_list_models_is_tried_again(client, server):
    server.service.failures.append(NOT_READY)

    assert client.list_models().default_detection_model == "db_resnet50"


def test_a_full_queue_is_tried_again_after_the_time_the_server_named(client, server, letter):
    server.service.failures.append(queue_full(1.0))

    client.read(letter)

    first, second = server.service.calls
    assert 1.0 <= second.started - first.started < 2.5


def test_attempts_are_bounded(connect, server, letter):
    server.service.failures.extend([NOT_READY] * 5)

    with pytest.raises(ServerUnavailableError, match="models are loading"):
        connect(server.address, max_attempts=2).read(letter)

    assert len(server.service.calls) == 2


def test_no_pause_goes_beyond_the_deadline(client, server, letter):
    server.service.failures.extend([queue_full(30)] * 5)
    started = time.monotonic()

    with pytest.raises(QueueFullError):
        list(client.stream_pages(letter, timeout_s=2))

    assert len(server.service.calls) == 1
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "error",
    [
        server_errors.RequestTooLargeError("too large"),
        server_errors.InvalidOptionError("no"),
        server_errors.InternalError("no"),
        server_errors.WeightsUnavailableError("no"),
    ],
)
def test_what_a_retry_cannot_help_is_not_tried_again(client, server, letter, error):
    server.service.failures.append(error)

    with pytest.raises(OCRError):
        client.read(letter)

    assert len(server.service.calls) == 1


@pytest.mark.parametrize("document", ["letter", "book"])
def test_a_stream_that_gave_pages_is_never_started_again(client, server, document, request):
    server.service.pages = 3
    server.service.fail_after_pages = server_errors.ShuttingDownError("going down")
    pages = client.stream_pages(request.getfixturevalue(document))

    assert next(pages).page_number == 1
    with pytest.raises(ServerUnavailableError, match="going down"):
        next(pages)

    assert len(server.service.calls) == 1


def test_read_starts_again_when_the_stream_below_it_breaks_and_returns_each_page_once(client, server, book):
    server.service.pages = 3
    server.service.fail_after_pages = server_errors.ShuttingDownError("going down")

    results = client.read(book)

    assert [result.page_number for result in results] == [1, 2, 3]
    assert len(server.service.calls) == 2


def test_a_second_attempt_sends_files_and_pipes_again_from_where_they_started(client, server, book):
    content = os.urandom(6 * MIB)
    reading, writing = os.pipe()

    def feed():
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)

    threading.Thread(target=feed).start()
    file = io.BytesIO(b"skipped" + content)
    file.seek(7)
    server.service.fail_after_pages = NOT_READY
    with os.fdopen(reading, "rb") as pipe:
        client.read([("file.pdf", file), ("pipe.pdf", pipe)])

    first, second = server.service.calls
    for call in (first, second):
        assert [document.sha256 for document in call.documents] == [hashlib.sha256(content).hexdigest()] * 2


def test_a_call_ends_at_its_deadline_and_says_where_it_waited(client, server, letter, book):
    server.service.page_permits = threading.Semaphore(0)
    for document in (letter, book):
        for call in (client.read, lambda *a, **k: list(client.stream_pages(*a, **k))):
            started = time.monotonic()
            with pytest.raises(DeadlineExceededError, match=r"localhost:\d+ did not finish within 0.5 s"):
                call(document, timeout_s=0.5)
            assert time.monotonic() - started < 2


def test_nobody_listening_is_said_with_the_address(connect, letter):
    with pytest.raises(ServerUnavailableError, match=r"no answer from localhost:1: .*refused"):
        connect("localhost:1", max_attempts=1).read(letter)


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan")])
def test_a_timeout_that_is_not_positive_is_refused(connect, client, letter, timeout_s):
    with pytest.raises(ValueError, match="timeout_s"):
        client.read(letter, timeout_s=timeout_s)
    with pytest.raises(ValueError, match="timeout_s"):
        connect("localhost:1", timeout_s=timeout_s)


@pytest.mark.parametrize("document", ["letter", "book"])
def test_read_raises_for_unreadable_pages_and_the_error_carries_all_pages(client, server, document, request):
    server.service.pages = 3
    for number in (2, 3):
        server.service.bad_pages[number] = server_errors.UnreadableDocumentError(
            "a.pdf", "is damaged", page_number=number
        )

    with pytest.raises(PageError, match=r"'a.pdf', page 2: is damaged \(and 1 more pages\)") as caught:
        client.read(request.getfixturevalue(document))

    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.reason == "UNREADABLE_DOCUMENT"
    assert [bool(page_text(result)) for result in caught.value.results] == [True, False, False]


def test_unreadable_pages_are_returned_when_asked_for_and_always_streamed(client, server, letter):
    server.service.pages = 2
    server.service.bad_pages[1] = server_errors.UnreadableDocumentError("a.pdf", "is damaged", page_number=1)

    for results in (client.read(letter, raise_page_errors=False), list(client.stream_pages(letter))):
        assert [result.HasField("error") for result in results] == [True, False]


class FileThatBreaks(io.BytesIO):
    """A disk that fails after the first MiB."""

    def read(self, size=-1, /):
        if self.tell() >= MIB:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_file_that_breaks_during_the_upload_is_the_files_own_error(client, server):
    file = FileThatBreaks(bytes(6 * MIB))

    with pytest.raises(OSError, match="Input/output error"):
        client.read(("broken.pdf", file))

    # What arrived, if anything, was never taken for the whole document.
    server.grpc_server.stop(grace=None).wait()
    assert not any(call.arrived_whole for call in server.service.calls)


def test_closing_the_client_ends_its_calls(connect, server, letter):
    server.service.pages = 2
    server.service.page_permits = threading.Semaphore(1)
    client = connect(server.address)
    pages = client.stream_pages(letter)
    next(pages)

    client.close()

    with pytest.raises(CallCancelledError):
        next(pages)
