"""RESOURCE_EXHAUSTED is several things: what the clients try again, and what they do not."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from doctr_serve.errors import DoctrServeError, QueueFullError, RequestTooLargeError
from doctr_serve.v1 import ocr_pb2_grpc
from doctr_serve_client import OCRClient, OCRError, ServerUnavailableError
from doctr_serve_client import QueueFullError as ClientQueueFullError
from doctr_serve_client import RequestTooLargeError as ClientRequestTooLargeError
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from support.fake_ocr_server import SERVICE_NAME, FakeOCRService

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


class StorageFullError(DoctrServeError):
    """The disk that the server keeps uploads on is full."""

    code = "RESOURCE_EXHAUSTED"
    reason = "STORAGE_FULL"


class LaterError(DoctrServeError):
    """A reason that a later version of the server has."""

    code = "RESOURCE_EXHAUSTED"
    reason = "OF_A_LATER_VERSION"


class ElsewhereError(DoctrServeError):
    """As the server reports what somebody else's interceptor aborted: the code's name is the reason."""

    code = reason = "RESOURCE_EXHAUSTED"


def attempts_of(client, server, document, failure) -> tuple[type[OCRError] | None, int]:
    """What a call raised that failed once, and how often it was tried."""
    server.service.failures.append(failure)
    try:
        client.read(document, timeout_s=20)
    except OCRError as error:
        return type(error), len(server.service.calls)
    return None, len(server.service.calls)


@pytest.mark.parametrize("document", ["letter", "book"])
@pytest.mark.parametrize(
    "failure",
    [
        QueueFullError("the queue is full", retry_after_s=0.1),
        QueueFullError("the queue is full"),
        StorageFullError("no space left", retry_after_s=0.1),
        StorageFullError("no space left"),
        LaterError("come back", retry_after_s=0.1),
        ElsewhereError("too many requests"),
        ElsewhereError("too many requests", retry_after_s=0.1),
        EXHAUSTED,
    ],
    ids=[
        "full queue",
        "full queue without a time",
        "full disk",
        "full disk without a time",
        "later version",
        "elsewhere",
        "elsewhere with a time",
        "proxy",
    ],
)
def test_what_a_later_call_can_help_is_tried_again(client, server, document, failure, request):
    assert attempts_of(client, server, request.getfixturevalue(document), failure) == (None, 2)


@pytest.mark.parametrize(
    "failure",
    [
        RequestTooLargeError("too many pages"),
        RequestTooLargeError("too many pages", retry_after_s=0.1),
        LaterError("a limit without a time to come back"),
        ElsewhereError("SERVER: Received message larger than max (9 vs. 4)"),
    ],
    ids=["too large", "too large, with a time", "later version", "elsewhere"],
)
def test_what_stays_too_large_is_not_tried_again(client, server, letter, failure):
    assert attempts_of(client, server, letter, failure) == (ClientRequestTooLargeError, 1)


def test_a_full_disk_is_told_from_a_full_queue_by_its_reason(connect, server, letter):
    server.service.failures.append(StorageFullError("no space left", retry_after_s=7))

    with pytest.raises(ClientQueueFullError, match="no space left") as caught:
        connect(server.address, max_attempts=1).read(letter)

    assert (caught.value.reason, caught.value.retry_after_s) == ("STORAGE_FULL", 7)


@pytest.mark.parametrize(
    "option", ["grpc.max_receive_message_length", "grpc.max_send_message_length"], ids=["answer", "request"]
)
def test_a_message_that_grpc_itself_finds_too_large_is_not_tried_again(connect, server, letter, option):
    client = connect(server.address, channel_options=[(option, 10)])

    with pytest.raises(ClientRequestTooLargeError, match="larger than max"):
        client.read(letter, timeout_s=20)

    assert len(server.service.calls) <= 1


@contextmanager
def server_of_one_call():
    """A server on which grpc itself refuses a second call while one is open."""
    server = grpc.server(ThreadPoolExecutor(4), maximum_concurrent_rpcs=1)
    service, health_servicer = FakeOCRService(), health.HealthServicer()
    health_servicer.set(SERVICE_NAME, health_pb2.HealthCheckResponse.SERVING)
    ocr_pb2_grpc.add_OCRServiceServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    address = f"localhost:{server.add_insecure_port('localhost:0')}"
    server.start()
    try:
        yield address, service
    finally:
        server.stop(grace=None).wait()


def test_grpcs_own_limit_on_open_calls_is_waited_for(connect, letter):
    with server_of_one_call() as (address, service), OCRClient(address) as other:
        service.page_permits = threading.Semaphore(1)
        service.pages = 2
        pages = other.stream_pages(letter)
        next(pages)
        with pytest.raises(ClientQueueFullError, match="Concurrent RPC limit exceeded!"):
            connect(address, max_attempts=1).read(letter)

        def leave():
            pages.close()
            service.page_permits.release(8)

        threading.Timer(0.5, leave).start()

        assert len(connect(address, max_attempts=60).read(letter, timeout_s=20)) == 2


def test_wait_until_ready_waits_for_a_server_with_too_many_open_calls(connect, letter):
    with server_of_one_call() as (address, service), OCRClient(address) as other:
        service.page_permits = threading.Semaphore(1)
        service.pages = 2
        pages = other.stream_pages(letter)
        next(pages)
        client = connect(address)
        with pytest.raises(ServerUnavailableError, match=r"not ready within 0.5 s: RESOURCE_EXHAUSTED"):
            client.wait_until_ready(timeout_s=0.5)

        threading.Timer(0.5, pages.close).start()

        client.wait_until_ready(timeout_s=10)


def packed(message) -> any_pb2.Any:
    detail = any_pb2.Any()
    detail.Pack(message)
    return detail


def status_with(*details: any_pb2.Any) -> bytes:
    status = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="no", details=details)
    return status.SerializeToString()


INFO = error_details_pb2.ErrorInfo(reason="QUEUE_FULL", domain="doctr-serve")


@pytest.mark.parametrize(
    ("details", "raised"),
    [
        (b"\xff\xff cut short", ClientQueueFullError),
        (
            status_with(
                any_pb2.Any(type_url="type.googleapis.com/google.rpc.RetryInfo", value=b"\xff"), packed(INFO)
            ),
            ClientQueueFullError,
        ),
        (
            status_with(
                packed(error_details_pb2.ErrorInfo(reason="REQUEST_TOO_LARGE", domain="a-gateway.example"))
            ),
            ClientQueueFullError,
        ),
        (
            status_with(
                packed(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2**62)))
            ),
            ClientQueueFullError,
        ),
    ],
    ids=["damaged status", "damaged detail", "another domain's reason", "a time without end"],
)
def test_details_that_are_damaged_or_not_the_servers_never_break_the_error(
    connect, server, letter, details, raised, monkeypatch
):
    def refuse(method, request, context):
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(EXHAUSTED, "no")

    monkeypatch.setattr(server.service, "_begin", refuse)

    with pytest.raises(raised, match="no"):
        connect(server.address, max_attempts=2).read(letter, timeout_s=1)


def test_a_time_to_come_back_that_has_passed_is_now(client, server, letter):
    server.service.failures.append(QueueFullError("full", retry_after_s=-5))
    started = time.monotonic()

    client.read(letter)

    assert time.monotonic() - started < 3
