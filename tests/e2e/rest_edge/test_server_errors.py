"""The contract's table of errors, as the server answers; what is asked again, and deadlines."""

import threading
import time

import grpc
import pytest
from doctr_serve.errors import (
    DeadlineExceeded,
    InternalError,
    NotReadyError,
    QueueFullError,
    RequestTooLargeError,
    UnknownModelError,
    WeightsUnavailableError,
)
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from support.rest_edge import PNG, assert_error, post


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (UnknownModelError("no model 'x'", field="detection_model"), 400, grpc.StatusCode.INVALID_ARGUMENT),
        (WeightsUnavailableError("run pull"), 400, grpc.StatusCode.FAILED_PRECONDITION),
        (RequestTooLargeError("more than 64 documents"), 413, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (QueueFullError("full", retry_after_s=2.5), 429, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (InternalError("report the id"), 500, grpc.StatusCode.INTERNAL),
        (DeadlineExceeded("too slow"), 504, grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_of_the_server_has_its_http_status_its_message_and_its_details(
    client, service, failure, status, code
):
    service.failures.append(failure)
    response = post(client)
    assert assert_error(response, status, code) == failure.message
    details = {detail["@type"].rpartition(".")[2]: detail for detail in response.json()["details"]}
    assert details["ErrorInfo"]["reason"] == failure.reason
    assert response.headers["x-error-reason"] == failure.reason
    assert ("BadRequest" in details) == (failure.field is not None)
    if failure.field is not None:
        assert details["BadRequest"]["field_violations"][0]["field"] == failure.field
    assert response.headers.get("retry-after") == ("3" if failure.retry_after_s else None)
    if failure.retry_after_s:
        assert details["RetryInfo"]["retry_delay"] == "2.500s"


def test_what_the_shipped_file_says_of_errors_parses_as_the_servers_status(client, service):
    """The body is a google.rpc.Status in JSON: clients may parse it with their own copy of its types."""
    service.failures.append(QueueFullError("full", retry_after_s=1))
    status = json_format.Parse(post(client).text, status_pb2.Status())
    assert status.details[1].Is(error_details_pb2.RetryInfo.DESCRIPTOR)


def test_a_server_that_is_not_ready_is_503_once_the_retries_are_used_up(client, service):
    service.failures.extend([NotReadyError("loading models")] * 3)
    assert assert_error(post(client), 503, grpc.StatusCode.UNAVAILABLE) == "loading models"


def test_a_server_that_refuses_for_a_moment_is_asked_again_unseen(client, service):
    service.failures.append(NotReadyError("loading models"))
    assert post(client).status_code == 200
    assert len(service.calls) == 2


def test_a_failed_answer_is_not_asked_for_again(client, service):
    service.failures.append(InternalError("broken"))
    assert post(client).status_code == 500
    assert len(service.calls) == 1


def test_a_deadline_of_the_caller_is_kept(client, service):
    service.page_permits = threading.Semaphore(0)
    started = time.monotonic()
    response = post(client, headers={"grpc-timeout": "300m"})
    assert_error(response, 504, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert time.monotonic() - started < 5
    assert service.calls[-1].ended.wait(5)


@pytest.mark.parametrize(
    ("request_arguments", "said"),
    [
        ({"files": {"file": PNG}}, "unknown form field 'file'"),
        ({"files": {"files": PNG}, "data": {"box_threshold": "0.1"}}, "query parameters: ?box_threshold="),
        ({"files": {"files": ("", b"")}}, "files=@invoice.pdf"),
        ({"json": {"files": []}}, "multipart/form-data"),
        ({}, "multipart/form-data"),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}}, "cut off"),
    ],
    ids=["unknown part", "option as part", "no file", "json", "no body", "cut off"],
)
def test_a_request_without_documents_is_400_and_says_how_to_send_them(client, request_arguments, said):
    assert said in assert_error(
        client.post("/ocr", **request_arguments), 400, grpc.StatusCode.INVALID_ARGUMENT
    )
