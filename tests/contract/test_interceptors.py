"""Interceptors of others wrap the service without breaking it, and what they refuse comes out like any other error."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from doctr_serve.common.logs import configure_logs
from doctr_serve.errors import PermissionDeniedError, UnauthenticatedError
from doctr_serve.v1 import ocr_pb2
from grpc_health.v1 import health_pb2
from support.pages import short_pdf
from support.server import failure_of, request
from support.waiting import eventually
from support.watched import Watched, watched_service

REQUEST_ID = (("x-request-id", "abc"),)
SERVICE = "/doctr_serve.v1.OCRService"


class Wrapping(grpc.ServerInterceptor):
    """Wraps every behaviour in a plain function, as tracing and metrics interceptors do; its marks get lost."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.threads: dict[str, str] = {}

    def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = continuation(details)
        if handler is None:
            return None
        kind = (
            f"{'stream' if handler.request_streaming else 'unary'}_"
            f"{'stream' if handler.response_streaming else 'unary'}"
        )
        behavior = getattr(handler, kind)

        def wrapped(request_or_iterator: Any, context: grpc.ServicerContext) -> Any:
            self.seen.append((details.method, kind))
            self.threads[details.method] = threading.current_thread().name
            return behavior(request_or_iterator, context)

        return getattr(grpc, f"{kind}_rpc_method_handler")(
            wrapped, handler.request_deserializer, handler.response_serializer
        )


@contextmanager
def wrapped_further_in(weights_dir: Path) -> Iterator[tuple[Watched, Wrapping]]:
    wrapping = Wrapping()
    with watched_service(weights_dir, interceptors=[wrapping], max_concurrent_requests=1) as watched:
        yield watched, wrapping


@contextmanager
def wrapped_from_outside(weights_dir: Path) -> Iterator[tuple[Watched, Wrapping]]:
    """As OpenTelemetry's instrumentation does it: it puts itself before the interceptors given to grpc.server."""
    wrapping, make = Wrapping(), grpc.server

    def instrumented(*arguments: Any, interceptors: Any = (), **options: Any) -> grpc.Server:
        return make(*arguments, interceptors=(wrapping, *interceptors), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grpc, "server", instrumented)
        with watched_service(weights_dir, max_concurrent_requests=1) as watched:
            yield watched, wrapping


@pytest.mark.parametrize("wrapped", [wrapped_further_in, wrapped_from_outside])
def test_a_wrapped_service_answers_every_method_on_its_own_threads(wrapped: Any, weights_dir: Path) -> None:
    with wrapped(weights_dir) as (watched, wrapping):
        stub = watched.service.stub
        document = short_pdf(2)
        streamed = list(stub.StreamPages(request(document), timeout=60))
        assert list(stub.ReadDocuments(request(document), timeout=60).results) == streamed
        assert list(stub.UploadDocuments(iter([request(document)]), timeout=60)) == streamed
        assert stub.ListModels(ocr_pb2.ListModelsRequest(), timeout=60).models
        assert watched.service.health() == "SERVING"
    assert {method.rpartition("/")[2] for method, _ in wrapping.seen} == {
        *("StreamPages", "ReadDocuments", "UploadDocuments", "ListModels", "Check")
    }
    threads = {
        method.rpartition("/")[2]: name.rpartition("_")[0] for method, name in wrapping.threads.items()
    }
    assert threads == {
        "StreamPages": "rpc-documents",
        "ReadDocuments": "rpc-documents",
        "UploadDocuments": "rpc-documents",
        "ListModels": "rpc-queries",
        "Check": "rpc-health",
    }


def test_an_interceptor_sees_each_method_as_the_proto_has_it(weights_dir: Path) -> None:
    with wrapped_further_in(weights_dir) as (watched, wrapping):
        watched.service.stream(short_pdf(1))
        list(watched.service.stub.UploadDocuments(iter([request(short_pdf(1))]), timeout=60))
        watched.service.stub.ReadDocuments(request(short_pdf(1)), timeout=60)
    assert wrapping.seen == [
        (f"{SERVICE}/StreamPages", "unary_stream"),
        (f"{SERVICE}/UploadDocuments", "stream_stream"),
        (f"{SERVICE}/ReadDocuments", "unary_unary"),
    ]


@pytest.mark.parametrize("wrapped", [wrapped_further_in, wrapped_from_outside])
def test_a_wrapped_service_ends_silent_calls(wrapped: Any, weights_dir: Path) -> None:
    with wrapped(weights_dir) as (watched, _):
        quiet = threading.Event()
        call = watched.service.channel.stream_stream(f"{SERVICE}/ListModels")(
            iter(lambda: quiet.wait(60) and None, None), timeout=30
        )
        watch = watched.service.channel.stream_stream("/grpc.health.v1.Health/Check")(
            iter(lambda: quiet.wait(60) and None, None), timeout=30
        )
        assert watch.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        call.cancel()
        quiet.set()


class Refusing(grpc.ServerInterceptor):
    """Refuses in one of the ways that interceptors have."""

    def __init__(self, way: Callable[[Any, Any], Any]) -> None:
        self._way = way

    def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        return self._way(continuation, details)


def raise_while_looking_up(continuation: Any, details: Any) -> Any:
    raise UnauthenticatedError("send a key as x-api-key")


def raise_in_the_behavior(continuation: Any, details: Any) -> Any:
    def refuse(request: Any, context: Any) -> Any:
        raise UnauthenticatedError("send a key as x-api-key")

    return grpc.unary_unary_rpc_method_handler(refuse)


def abort_in_another_handler(continuation: Any, details: Any) -> Any:
    """As grpc's own examples do it, whatever kind of method was called."""
    return grpc.unary_unary_rpc_method_handler(
        lambda request, context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "send a key as x-api-key")
    )


def abort_in_a_wrapped_stream(continuation: Any, details: Any) -> Any:
    handler = continuation(details)

    def refuse(request: Any, context: Any) -> Iterator[Any]:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "send a key as x-api-key")
        yield

    return grpc.unary_stream_rpc_method_handler(
        refuse, handler.request_deserializer, handler.response_serializer
    )


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the server logs, as JSON lines."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure_logs("json", "info")
    yield written
    monkeypatch.undo()
    configure_logs("console", "warning")


@pytest.mark.parametrize(
    "way",
    [
        raise_while_looking_up,
        raise_in_the_behavior,
        abort_in_another_handler,
        abort_in_a_wrapped_stream,
    ],
)
def test_a_refusal_by_an_interceptor_is_an_error_like_any_other(
    weights_dir: Path, logs: io.StringIO, way: Any
) -> None:
    with watched_service(weights_dir, interceptors=[Refusing(way)], max_concurrent_requests=1) as watched:
        with pytest.raises(grpc.RpcError) as caught:
            list(watched.service.stub.StreamPages(request(short_pdf(1)), timeout=60, metadata=REQUEST_ID))
        failure = failure_of(caught.value)
        eventually(lambda: '"call"' in logs.getvalue())
        assert watched.is_idle()
    assert failure.code is grpc.StatusCode.UNAUTHENTICATED
    assert failure.message == "send a key as x-api-key"
    assert failure.reason == "UNAUTHENTICATED"
    assert failure.trailers["x-request-id"] == "abc"
    assert failure.trailers["x-error-reason"] == "UNAUTHENTICATED"
    (line,) = [json.loads(line) for line in logs.getvalue().splitlines() if '"event": "call"' in line]
    assert (line["request_id"], line["method"], line["code"]) == ("abc", "StreamPages", "UNAUTHENTICATED")
    assert "Traceback" not in logs.getvalue()


def test_a_refused_call_takes_no_place_and_need_send_no_message(weights_dir: Path) -> None:
    refusing = Refusing(raise_while_looking_up)
    with watched_service(
        weights_dir, interceptors=[refusing], max_concurrent_requests=1, max_queued_requests=0
    ) as watched:
        quiet = threading.Event()
        calls = [
            watched.service.channel.stream_stream(f"{SERVICE}/UploadDocuments")(
                iter(lambda: quiet.wait(60) and None, None), timeout=30
            )
            for _ in range(20)
        ]
        assert {call.code() for call in calls} == {grpc.StatusCode.UNAUTHENTICATED}
        quiet.set()


def test_health_can_be_refused_too(weights_dir: Path) -> None:
    def forbid(continuation: Any, details: Any) -> Any:
        raise PermissionDeniedError("this key may not ask for health")

    with watched_service(weights_dir, interceptors=[Refusing(forbid)], max_concurrent_requests=1) as watched:
        check = watched.service.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        )
        with pytest.raises(grpc.RpcError) as caught:
            check(health_pb2.HealthCheckRequest(), timeout=30)
        assert failure_of(caught.value).code is grpc.StatusCode.PERMISSION_DENIED
