"""Health, reflection, request ids, logs, start and end of the server."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import structlog
from doctr_serve.common.logs import configure_logs
from doctr_serve.errors import WeightsUnavailableError
from doctr_serve.reading import Reader
from doctr_serve.rpc.server import SERVICE_NAME, OCRServer, serve
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from support.faulty_decoder import faulty
from support.pages import short_pdf
from support.samples import letter_pdf
from support.server import Service, failure_of, request, running, settings_for
from support.small_engine import small_engine
from support.waiting import eventually
from support.watched import Watched, watched_service

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
SECRET_NAME = "divorce-papers-of-mr-x.pdf"
SECRET_PASSWORD = "correct horse battery staple"
SECRET_TEXT = "confidential content"


@pytest.fixture
def cold(weights_dir: Path) -> Iterator[Service]:
    """A server that listens and has no models yet."""
    settings = settings_for(weights_dir, max_concurrent_requests=1)
    reader = Reader(settings, engine=small_engine(settings)[0])
    with running(settings, reader=reader, warm=False) as service:
        yield service


def test_a_server_is_healthy_once_it_is_warm(cold: Service) -> None:
    watch = health_pb2_grpc.HealthStub(cold.channel).Watch(
        health_pb2.HealthCheckRequest(service=SERVICE_NAME), timeout=60
    )
    names = health_pb2.HealthCheckResponse.ServingStatus
    assert [cold.health(), cold.health(SERVICE_NAME)] == ["NOT_SERVING"] * 2
    assert names.Name(next(watch).status) == "NOT_SERVING"
    cold.server.warm()
    assert names.Name(next(watch).status) == "SERVING"
    assert [cold.health(), cold.health(SERVICE_NAME)] == ["SERVING"] * 2
    watch.cancel()


def test_the_health_of_a_service_that_does_not_exist_is_not_found(watched: Watched) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        watched.service.health("doctr_serve.v1.OtherService")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("method", ["StreamPages", "ReadDocuments", "UploadDocuments"])
def test_calls_before_the_server_is_warm_are_refused_as_unavailable(cold: Service, method: str) -> None:
    asked = request(short_pdf(1))
    call = getattr(cold.stub, method)
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter([asked]) if method == "UploadDocuments" else asked, timeout=30))
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == (UNAVAILABLE, "NOT_READY")
    assert failure.retry_after_s is not None
    assert "SERVING" in failure.message


def test_models_can_be_listed_before_the_server_is_warm(cold: Service) -> None:
    response = cold.stub.ListModels(ocr_pb2.ListModelsRequest(), timeout=30)
    assert not any(model.loaded for model in response.models)


def test_the_list_of_models_says_what_is_here_what_is_loaded_and_what_is_the_default(
    watched: Watched,
) -> None:
    response = watched.service.stub.ListModels(ocr_pb2.ListModelsRequest(), timeout=30)
    models = {model.name: model for model in response.models}
    detection = [model.name for model in response.models if model.task == ocr_pb2.MODEL_TASK_DETECTION]
    recognition = [model.name for model in response.models if model.task == ocr_pb2.MODEL_TASK_RECOGNITION]
    assert (response.default_detection_model, response.default_recognition_model) == (
        "db_mobilenet_v3_large",
        "crnn_mobilenet_v3_small",
    )
    assert len([name for name in detection if "/" not in name]) == 9
    assert len([name for name in recognition if "/" not in name]) == 9
    default = models["db_mobilenet_v3_large"]
    assert (default.available, default.loaded, default.source) == (True, True, ocr_pb2.WEIGHTS_SOURCE_DOCTR)
    missing = models["db_resnet50"]
    assert (missing.available, missing.loaded, missing.architecture) == (False, False, "db_resnet50")
    assert models["bundled/db_mobilenet_v3_large"].source == ocr_pb2.WEIGHTS_SOURCE_BUNDLED


def test_reflection_lists_the_services_and_describes_the_contract(watched: Watched) -> None:
    database = ProtoReflectionDescriptorDatabase(watched.service.channel)
    assert set(database.get_services()) == {
        SERVICE_NAME,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    described = DescriptorPool(database).FindServiceByName(SERVICE_NAME)
    assert [method.name for method in described.methods] == [
        method.name for method in ocr_pb2.DESCRIPTOR.services_by_name["OCRService"].methods
    ]


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [("my-request:42", True), ("x" * 128, True), ("x" * 129, False), ("two words", False), ("", False)],
)
def test_a_callers_request_id_comes_back_unless_it_is_junk(
    watched: Watched, sent: str, is_kept: bool
) -> None:
    _, call = watched.service.stub.ReadDocuments.with_call(
        request(short_pdf(1)), timeout=60, metadata=(("x-request-id", sent),)
    )
    (returned,) = (value for key, value in call.trailing_metadata() if key == "x-request-id")
    assert (returned == sent) == is_kept
    assert is_kept or re.fullmatch("[0-9a-f]{32}", returned)


def test_the_request_id_is_a_header_too_so_that_it_is_known_before_the_end(watched: Watched) -> None:
    stream = watched.service.stub.StreamPages(request(short_pdf(1)), timeout=60)
    next(stream)
    assert "x-request-id" in dict(stream.initial_metadata())
    assert dict(stream.initial_metadata()) == dict(stream.trailing_metadata())


def test_an_error_has_the_request_id_too(watched: Watched) -> None:
    metadata = (("x-request-id", "mine"),)
    stub = watched.service.stub
    calls = (
        lambda: stub.ReadDocuments(request(), timeout=30, metadata=metadata),
        lambda: list(stub.StreamPages(request(), timeout=30, metadata=metadata)),
        lambda: list(stub.UploadDocuments(iter([]), timeout=30, metadata=metadata)),
    )
    for call in calls:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert failure_of(caught.value).trailers["x-request-id"] == "mine"


def test_listing_models_has_a_request_id(watched: Watched) -> None:
    _, call = watched.service.stub.ListModels.with_call(ocr_pb2.ListModelsRequest(), timeout=30)
    assert "x-request-id" in dict(call.trailing_metadata())


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """What the server logs as JSON, down to the debug level."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure_logs("json", "debug")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    handler.setStream(written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def secret_document(content: bytes | None = None) -> ocr_pb2.Document:
    encrypted = letter_pdf(SECRET_TEXT, password=SECRET_PASSWORD, size_points=(300, 200)).content
    return ocr_pb2.Document(name=SECRET_NAME, content=content or encrypted, pdf_password=SECRET_PASSWORD)


def test_a_call_logs_one_line_with_id_code_pages_and_duration_and_no_secret(
    weights_dir: Path, logs: io.StringIO
) -> None:
    command = faulty("crash:2")
    with watched_service(weights_dir, worker_command=command, max_concurrent_requests=1) as watched:
        stub = watched.service.stub
        for request_id, asked in (
            ("good", request(secret_document(), short_pdf(1))),
            ("crashed", request(secret_document(short_pdf(2)))),
        ):
            list(stub.StreamPages(asked, timeout=60, metadata=(("x-request-id", request_id),)))
        for metadata, wrong in (
            ("refused", request(secret_document(b"not a PDF"))),
            ("locked", request(ocr_pb2.Document(name=SECRET_NAME, content=secret_document().content))),
        ):
            with pytest.raises(grpc.RpcError):
                stub.ReadDocuments(wrong, timeout=60, metadata=(("x-request-id", metadata),))

        def fail(task: object) -> None:
            raise RuntimeError("a bug")

        watched.runtime.before = fail
        with pytest.raises(grpc.RpcError):
            stub.ReadDocuments(request(secret_document()), timeout=60, metadata=(("x-request-id", "broken"),))
    written = logs.getvalue()
    events = [json.loads(line) for line in written.splitlines()]
    calls = {event["request_id"]: event for event in events if event["event"] == "call"}

    assert len([event for event in events if event["event"] == "call"]) == 5
    assert {name: event["code"] for name, event in calls.items()} == {
        "good": "OK",
        "crashed": "OK",
        "refused": "INVALID_ARGUMENT",
        "locked": "INVALID_ARGUMENT",
        "broken": "INTERNAL",
    }
    assert {name: event["pages"] for name, event in calls.items()} == {
        "good": 2,
        "crashed": 2,
        "refused": 0,
        "locked": 0,
        "broken": 0,
    }
    assert [calls[name]["failed_pages"] for name in ("good", "crashed")] == [0, 1]
    # Twice: only then is it the file's fault.
    deaths = [event for event in events if event["event"] == "decoder_died"]
    assert [(death["request_id"], death["page_number"], death["how"]) for death in deaths] == [
        ("crashed", 2, "SIGSEGV")
    ] * 2
    assert calls["good"]["method"] == "StreamPages"
    assert 0 < calls["good"]["duration_s"] < 60
    (fault,) = (event for event in events if event["event"] == "page_failed")
    assert fault["request_id"] == "broken"
    assert "a bug" in json.dumps(fault["exception"])
    for secret in (SECRET_NAME, SECRET_PASSWORD, SECRET_TEXT, "confidential"):
        assert secret not in written


def test_sigterm_lets_calls_in_flight_finish_refuses_new_ones_and_exits_cleanly(tmp_path: Path) -> None:
    port_file, log = tmp_path / "port", tmp_path / "log"
    command = [sys.executable, "-m", "doctr_serve", "serve", "--port=0", f"--port-file={port_file}"]
    environment = {
        **os.environ,
        "DOCTR_SERVE_DRAIN_TIMEOUT_S": "120",
        "DOCTR_SERVE_DEFAULT_DETECTION_MODEL": "bundled/db_mobilenet_v3_large",
        "DOCTR_SERVE_DEFAULT_RECOGNITION_MODEL": "bundled/crnn_mobilenet_v3_small",
    }
    with log.open("w") as stderr, subprocess.Popen(command, stderr=stderr, env=environment) as process:
        try:
            eventually(port_file.exists, timeout_s=120, what="the port file")
            with grpc.insecure_channel(f"127.0.0.1:{port_file.read_text()}") as channel:
                service = Service(None, channel, ocr_pb2_grpc.OCRServiceStub(channel))  # type: ignore[arg-type]
                eventually(lambda: service.health() == "SERVING", timeout_s=120, what="a warm server")
                watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
                assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
                stream = service.stub.StreamPages(request(short_pdf(5)))
                pages = [next(stream).page_number]

                process.send_signal(signal.SIGTERM)

                assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
                with pytest.raises(grpc.RpcError) as caught:
                    eventually(lambda: service.stub.ReadDocuments(request(), timeout=30) and False)
                failure = failure_of(caught.value)
                pages += [result.page_number for result in stream]
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert (failure.code, failure.reason) == (UNAVAILABLE, "SHUTTING_DOWN")
    assert failure.retry_after_s is not None
    assert pages == [1, 2, 3, 4, 5]
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["event"] for event in events if event["event"] in ("serving", "draining", "stopped")] == [
        "serving",
        "draining",
        "stopped",
    ]
    assert events[-1]["drained"] is True
    assert {event["code"] for event in events if event["event"] == "call"} == {"OK", "UNAVAILABLE"}


def test_a_health_watch_stays_open_however_long_nothing_changes(weights_dir: Path) -> None:
    with watched_service(weights_dir, send_timeout_s=0.3) as watched:
        watch = health_pb2_grpc.HealthStub(watched.service.channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        time.sleep(1.0)
        assert watch.is_active()
        watched.service.server.stop()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_calls_that_outlive_the_drain_are_cancelled(weights_dir: Path) -> None:
    opened = threading.Event()
    with watched_service(weights_dir, max_concurrent_requests=1, drain_timeout_s=0.2) as watched:
        watched.runtime.before = lambda task: opened.wait(60) and None
        call = watched.service.stub.ReadDocuments.future(request(short_pdf(1)), timeout=60)
        eventually(lambda: watched.in_flight == 1)
        stopping = threading.Thread(target=watched.service.server.stop)
        stopping.start()
        with pytest.raises(grpc.RpcError) as caught:
            call.result()
        opened.set()
        stopping.join(30)
        assert not stopping.is_alive()
    assert caught.value.code() in (grpc.StatusCode.CANCELLED, UNAVAILABLE)


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """Puts the process's signal handlers back, which ``serve`` sets."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signal_handlers")
def test_a_server_without_its_weights_does_not_start_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match="doctr-serve pull db_mobilenet_v3_large"):
        serve(settings_for(tmp_path))


@pytest.mark.usefixtures("signal_handlers")
def test_a_signal_while_models_load_stops_the_server(
    weights_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading, enough = threading.Event(), threading.Event()

    def load(server: OCRServer) -> None:
        loading.set()
        enough.wait(60)

    def interrupt() -> None:
        loading.wait(60)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(OCRServer, "warm", load)
    threading.Thread(target=interrupt).start()
    serve(settings_for(weights_dir, drain_timeout_s=0.1))
    enough.set()


def test_a_second_server_does_not_steal_the_port_of_the_first(watched: Watched, weights_dir: Path) -> None:
    settings = settings_for(weights_dir, port=watched.service.server.port)
    server = OCRServer(settings, watched.reader)
    with pytest.raises(RuntimeError, match="Failed to bind"):
        server.start()


@pytest.mark.parametrize(
    ("flags", "variables", "complaint"),
    [
        (["--port=70000"], {}, "port: .*65535"),
        ([], {"DOCTR_SERVE_MAX_PAGES": "many"}, "max_pages: .*integer"),
        ([], {"DOCTR_SERVE_LOG_FORMAT": "xml"}, "log_format: .*'json' or 'console'"),
        (["--intra-op-threads=0"], {}, "intra_op_threads: .*greater than or equal to 1"),
        (["--no-such-setting=1"], {}, "no-such-setting"),
    ],
)
def test_a_bad_setting_ends_the_start_with_status_2_and_says_which(
    flags: list[str], variables: dict[str, str], complaint: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "doctr_serve", "serve", *flags],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert re.search(complaint, result.stderr), result.stderr
    assert "Traceback" not in result.stderr
