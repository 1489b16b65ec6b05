"""The REST edge: a real Envoy with the shipped configuration, in front of real gRPC servers.

What the pages say is scripted (``support.rest_server``); ``test_rest.py`` reads real ones.
"""

import http.client
import json
import os
import struct
import threading
import time

import grpc
import httpx
import pytest
from doctr_serve.envoy_config import EnvoyOptions, render
from doctr_serve.errors import (
    DeadlineExceededError,
    InternalError,
    NotReadyError,
    QueueFullError,
    RequestTooLargeError,
    UnknownModelError,
    WeightsUnavailableError,
)
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from google.protobuf import json_format
from support.dns_server import run_dns_server
from support.rest_server import run_envoy, run_form_server

MIB = 1024 * 1024
SERVER_LIMIT_BYTES = 24 * MIB
ENVOY_LIMIT_BYTES = 32 * MIB
PNG = ("page.png", b"\x89PNG not really", "image/png")
OPTIONS = [f for f in ocr_pb2.OCRRequest.DESCRIPTOR.fields_by_name if f not in ("documents", "body")]


@pytest.fixture(scope="module")
def server():
    with run_form_server(max_request_bytes=SERVER_LIMIT_BYTES) as running:
        yield running


@pytest.fixture(scope="module")
def access_log(tmp_path_factory):
    return tmp_path_factory.mktemp("envoy") / "access.log"


@pytest.fixture(scope="module")
def envoy_log(tmp_path_factory):
    return tmp_path_factory.mktemp("envoy") / "envoy.log"


@pytest.fixture(scope="module")
def edge(server, access_log, envoy_log):
    options = EnvoyOptions(
        upstreams=(server.address,), max_request_bytes=ENVOY_LIMIT_BYTES, access_log=str(access_log)
    )
    with envoy_log.open("wb") as output, run_envoy(options, output=output) as url:
        yield url


@pytest.fixture
def service(server):
    """The scripted service, back at its defaults."""
    fresh = type(server.service)(SERVER_LIMIT_BYTES)
    server.service.__dict__.update(fresh.__dict__)
    return server.service


@pytest.fixture
def client(edge, service):
    with httpx.Client(base_url=edge, timeout=30) as open_client:
        yield open_client


@pytest.fixture
def channel(edge, service):
    with grpc.insecure_channel(edge.removeprefix("http://")) as open_channel:
        yield open_channel


def post(client, query="", files=(PNG,), **more):
    return client.post(f"/ocr{query}", files=[("files", file) for file in files], **more)


def assert_error(response, status, code):
    """The contract's error body; returns its message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    error = response.json()
    assert set(error) == {"code", "message", "details"}
    assert error["code"] == code.value[0]
    assert error["message"]
    assert isinstance(error["details"], list)
    return error["message"]


# The answer


@pytest.mark.parametrize("path", ["/ocr", "/ocr/"])
def test_a_form_is_answered_with_an_array_of_pages_with_and_without_the_slash(client, service, path):
    service.pages = 2
    files = [("files", ("a.pdf", b"first", "application/pdf")), ("files", ("b ü.pdf", b"second"))]
    response = client.post(path, files=files)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert [(entry["name"], entry["page_number"]) for entry in response.json()] == [
        ("a.pdf", 1),
        ("a.pdf", 2),
        ("b ü.pdf", 1),
        ("b ü.pdf", 2),
    ]


def test_an_entry_has_every_field_of_the_contract_empty_or_not(client):
    (entry,) = post(client).json()
    assert entry["orientation"] == {}
    assert entry["language"] == {}
    assert entry["dimensions"] == [1684, 1190]
    block = entry["pages"][0]["blocks"][0]
    assert set(block) == {"geometry", "detection_score", "lines"}
    assert set(block["lines"][0]) == {"geometry", "detection_score", "words"}
    word = block["lines"][0]["words"][0]
    assert set(word) == {"value", "geometry", "detection_score", "confidence", "text_orientation"}
    assert word["text_orientation"] == {"value": 0}
    assert word["geometry"] == []
    assert word["confidence"] == 0.99


def test_every_option_reaches_the_server_as_the_query_parameter_of_its_name(client, service):
    wanted = {
        "detection_model": "fast_base",
        "recognition_model": "org/model with+plus",
        "assume_straight_pages": False,
        "preserve_aspect_ratio": False,
        "detect_orientation": True,
        "detect_language": True,
        "symmetric_padding": False,
        "straighten_pages": True,
        "detection_batch_size": 4,
        "recognition_batch_size": 64,
        "disable_page_orientation": True,
        "disable_text_orientation": True,
        "binary_threshold": 0.25,
        "box_threshold": 1e-3,
        "group_lines": False,
        "group_blocks": True,
        "paragraph_break": 0.0035,
        "pages": "1-3,7",
    }
    assert set(wanted) == set(OPTIONS)
    parameters = {
        key: json.dumps(value) if isinstance(value, bool) else value for key, value in wanted.items()
    }
    response = post(client, params=parameters)
    assert response.status_code == 200
    assert service.calls[-1].options == wanted


def test_absent_options_arrive_as_absent(client, service):
    post(client)
    assert service.calls[-1].options == {}


def test_a_password_in_the_form_reaches_every_document(client, service):
    response = client.post("/ocr", files=[("files", PNG), ("files", PNG)], data={"pdf_password": "gehe&im"})
    assert response.status_code == 200
    assert [document.pdf_password for document in service.calls[-1].documents] == ["gehe&im"] * 2


def test_models_are_listed(client):
    listed = client.get("/models").json()
    assert listed["default_detection_model"] == "db_resnet50"
    assert listed["models"][0]["name"] == "db_resnet50"
    assert listed["models"][0]["loaded"] is False


def test_twenty_megabytes_arrive_unchanged_with_and_without_a_length(client, service):
    large = os.urandom(20 * MIB)
    assert post(client, files=[("large.pdf", large)]).status_code == 200
    by_length = service.calls[-1].documents[0]
    boundary = "b0undary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="large.pdf"\r\n\r\n'
    body = head.encode() + large + f"\r\n--{boundary}--\r\n".encode()
    response = client.post(
        "/ocr",
        content=(body[start : start + 100_000] for start in range(0, len(body), 100_000)),
        headers={"content-type": f"multipart/form-data; boundary={boundary}"},
    )
    assert response.status_code == 200
    chunked = service.calls[-1].documents[0]
    assert by_length.size_bytes == chunked.size_bytes == len(large)
    assert by_length.sha256 == chunked.sha256


# Streaming


def test_the_first_entry_arrives_while_the_second_page_is_still_being_read(client, service):
    service.pages = 2
    service.page_permits = threading.Semaphore(1)
    with client.stream("POST", "/ocr", files={"files": PNG}) as response:
        pieces = response.iter_text()
        received = ""
        while not received.endswith("}"):
            received += next(pieces)
        (first,) = json.loads(received + "]")
        assert first["page_number"] == 1
        service.page_permits.release()
        received += "".join(pieces)
    assert [entry["page_number"] for entry in json.loads(received)] == [1, 2]


def test_a_client_that_leaves_cancels_the_call_on_the_server(client, service):
    service.pages = 2
    service.page_permits = threading.Semaphore(1)
    with client.stream("POST", "/ocr", files={"files": PNG}) as response:
        pieces = response.iter_raw()  # kept: httpx closes the connection with its iterator
        next(pieces)
        assert not service.calls[-1].ended.is_set()
    assert service.calls[-1].ended.wait(5)


def test_a_client_that_leaves_during_its_upload_cancels_the_call(client, service):
    def stall():
        yield b"--x\r\n"
        yield b'Content-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + b"x" * MIB
        wait_until(lambda: service.calls)
        raise httpx.WriteError("the client dies here")

    with pytest.raises(httpx.WriteError):
        client.post("/ocr", content=stall(), headers={"content-type": "multipart/form-data; boundary=x"})
    assert service.calls[-1].ended.wait(5)


def test_a_failure_after_the_first_entry_breaks_the_array_off(client, service):
    service.pages = 2
    service.fail_after_pages = InternalError("the disk is full")
    text = post(client).text
    (page,) = json.loads(text + "]")
    assert page["page_number"] == 1
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_a_server_that_dies_after_the_first_entry_breaks_the_answer_off():
    with run_form_server(max_request_bytes=MIB) as server:
        server.service.pages = 2
        server.service.page_permits = threading.Semaphore(1)
        with (
            run_envoy(EnvoyOptions(upstreams=(server.address,))) as url,
            httpx.stream("POST", f"{url}/ocr", files={"files": PNG}) as response,
        ):
            pieces = response.iter_raw()
            received = next(pieces)
            server.grpc_server.stop(grace=None).wait()
            with pytest.raises((httpx.RemoteProtocolError, json.JSONDecodeError)):
                json.loads(received + b"".join(pieces))


# The contract's table of errors, as the server answers


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (UnknownModelError("no model 'x'", field="detection_model"), 400, grpc.StatusCode.INVALID_ARGUMENT),
        (WeightsUnavailableError("run pull"), 400, grpc.StatusCode.FAILED_PRECONDITION),
        (RequestTooLargeError("more than 64 documents"), 413, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (QueueFullError("full", retry_after_s=2.5), 429, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (InternalError("report the id"), 500, grpc.StatusCode.INTERNAL),
        (DeadlineExceededError("too slow"), 504, grpc.StatusCode.DEADLINE_EXCEEDED),
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
        ({"files": {"files": PNG}, "data": {"box_threshold": "0.1"}}, "POST /ocr?box_threshold="),
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


# What Envoy answers itself


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?bin_thresh=0.3", "bin_thresh"),
        ("?pdf_password=secret", "pdf_password"),
        ("?assume_straight_pages=vielleicht", "assume_straight_pages"),
        ("?detection_batch_size=2.5", "detection_batch_size"),
        ("?detection_batch_size=99999999999", "detection_batch_size"),
        ("?box_threshold=high", "box_threshold"),
        ("?box_threshold=nan", "box_threshold"),
        ("?box_threshold=0.1&box_threshold=0.2", "box_threshold"),
        ("?documents.name=x", "documents"),
        ("?body=x", "body"),
        ("?group_lines=true&body.content_type=text/plain", "body"),
        ("?documents=x", "documents"),
    ],
)
def test_a_query_parameter_that_is_unknown_or_of_the_wrong_type_is_400_and_named(
    client, service, query, named
):
    message = assert_error(post(client, query), 400, grpc.StatusCode.INVALID_ARGUMENT)
    assert named in message
    assert "secret" not in message
    assert service.calls == []


def test_the_answer_to_a_wrong_query_parameter_lists_every_option(client):
    message = assert_error(post(client, "?nope=1"), 400, grpc.StatusCode.INVALID_ARGUMENT)
    assert [option for option in OPTIONS if option not in message] == []


def test_an_unknown_query_parameter_of_models_is_400(client):
    assert "page" in assert_error(client.get("/models?page=2"), 400, grpc.StatusCode.INVALID_ARGUMENT)


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/ocr/nope", "/doctr_serve.v1.OCRService/StreamPages", "/metrics"]
)
def test_an_unknown_path_is_404_and_says_which_there_are(client, path):
    assert "POST /ocr" in assert_error(client.post(path, content=b"x"), 404, grpc.StatusCode.NOT_FOUND)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/ocr", "POST"),
        ("PUT", "/ocr/", "POST"),
        ("POST", "/models", "GET"),
        ("DELETE", "/models", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_says_which_is_right(client, method, path, allowed):
    response = client.request(method, path)
    assert allowed in assert_error(response, 405, grpc.StatusCode.UNIMPLEMENTED)
    assert response.headers["allow"] == allowed


def zeros(size_bytes):
    for _ in range(size_bytes // MIB):
        yield b"\0" * MIB


FORM_HEAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="large.pdf"\r\n\r\n'
FORM_HEADERS = {"content-type": "multipart/form-data; boundary=x"}


def test_a_body_over_the_limit_is_413_by_its_length_before_any_of_it_is_sent(client, service):
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port, timeout=10)
    connection.putrequest("POST", "/ocr")
    for name, value in {**FORM_HEADERS, "content-length": str(10 * 1024 * MIB)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    response = httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
    connection.close()
    assert str(ENVOY_LIMIT_BYTES) in assert_error(response, 413, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert service.calls == []


def test_a_client_that_sends_a_body_over_the_limit_all_the_same_reads_413(client, service):
    response = post(client, "?pages=1", files=[("large.pdf", b"\0" * (ENVOY_LIMIT_BYTES + 1))])
    assert str(ENVOY_LIMIT_BYTES) in assert_error(response, 413, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert service.calls == []


def test_a_chunked_body_over_the_servers_limit_is_413_with_the_servers_words(client, service):
    response = client.post(
        "/ocr", content=(piece for piece in (FORM_HEAD, *zeros(30 * MIB))), headers=FORM_HEADERS
    )
    assert str(SERVER_LIMIT_BYTES) in assert_error(response, 413, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert response.headers["x-error-reason"] == "REQUEST_TOO_LARGE"


def test_an_error_is_answered_while_the_upload_is_still_coming(client, service):
    service.failures.append(UnknownModelError("no such model", field="detection_model"))
    response = client.post(
        "/ocr", content=(piece for piece in (FORM_HEAD, *zeros(20 * MIB))), headers=FORM_HEADERS
    )
    assert assert_error(response, 400, grpc.StatusCode.INVALID_ARGUMENT) == "no such model"


# gRPC and grpc-web through the same port


def test_native_grpc_streams_pages_one_by_one(channel, service):
    service.pages = 2
    service.page_permits = threading.Semaphore(1)
    stub = ocr_pb2_grpc.OCRServiceStub(channel)
    call = stub.StreamPages(
        ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name="a", content=b"x")]), timeout=30
    )
    assert next(call).page_number == 1
    service.page_permits.release()
    assert [page.page_number for page in call] == [2]


def test_native_grpc_uploads_in_pieces_of_any_total(channel, service):
    def pieces():
        yield ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name="large", content=b"\0" * MIB)])
        for _ in range(39):
            yield ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(content=b"\0" * MIB, continued=True)])

    pages = list(ocr_pb2_grpc.OCRServiceStub(channel).UploadDocuments(pieces(), timeout=60))
    assert len(pages) == 1
    assert service.calls[-1].documents[0].size_bytes == 40 * MIB > ENVOY_LIMIT_BYTES


def test_native_grpc_errors_keep_their_details_and_trailers(channel, service):
    service.failures.append(QueueFullError("full", retry_after_s=2.5))
    with pytest.raises(grpc.RpcError) as refusal:
        ocr_pb2_grpc.OCRServiceStub(channel).ReadDocuments(ocr_pb2.OCRRequest(), timeout=30)
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refusal.value.details() == "full"
    trailers = dict(refusal.value.trailing_metadata())
    assert {"grpc-status-details-bin", "x-request-id", "x-error-reason"} <= set(trailers)


def test_a_native_deadline_is_kept(channel, service):
    service.page_permits = threading.Semaphore(0)
    request = ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name="a", content=b"x")])
    with pytest.raises(grpc.RpcError) as refusal:
        ocr_pb2_grpc.OCRServiceStub(channel).ReadDocuments(request, timeout=0.3)
    assert refusal.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.calls[-1].ended.wait(5)


def test_an_unknown_grpc_service_is_unimplemented(channel):
    with pytest.raises(grpc.RpcError) as refusal:
        channel.unary_unary("/nope.Nope/Nope")(b"", timeout=30)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def frame(message: bytes) -> bytes:
    return struct.pack("!BI", 0, len(message)) + message


def frames(body: bytes):
    """(flag, payload) of every grpc-web frame."""
    while body:
        flag, length = struct.unpack_from("!BI", body)
        yield flag, body[5 : 5 + length]
        body = body[5 + length :]


def test_grpc_web_streams_pages_and_ends_with_trailers(client, service):
    service.pages = 2
    request = ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name="a.png", content=b"x")])
    response = client.post(
        "/doctr_serve.v1.OCRService/StreamPages",
        content=frame(request.SerializeToString()),
        headers={"content-type": "application/grpc-web+proto", "x-grpc-web": "1"},
    )
    assert response.headers["content-type"] == "application/grpc-web+proto"
    *messages, (trailer_flag, trailers) = frames(response.content)
    pages = [ocr_pb2.PageResult.FromString(payload) for _, payload in messages]
    assert [page.page_number for page in pages] == [1, 2]
    assert trailer_flag == 0x80
    assert b"grpc-status:0" in trailers


# Browsers


def preflight(client, origin, path="/ocr"):
    return client.options(
        path,
        headers={
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type, x-grpc-web",
        },
    )


@pytest.mark.parametrize("path", ["/ocr", "/models", "/doctr_serve.v1.OCRService/StreamPages"])
def test_a_page_of_localhost_may_call_from_a_browser(client, path):
    response = preflight(client, "http://localhost:3000", path)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "x-grpc-web" in response.headers["access-control-allow-headers"]


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost.evil.example", "null"])
def test_a_page_of_another_origin_may_not(client, service, origin):
    assert "access-control-allow-origin" not in preflight(client, origin).headers
    assert "access-control-allow-origin" not in post(client, headers={"origin": origin}).headers


def test_errors_are_readable_for_an_allowed_origin_too(client, service):
    service.failures.append(InternalError("broken"))
    for response in (post(client, headers={"origin": "http://localhost:1"}), client.get("/ocr?x=1")):
        assert response.status_code in (405, 500)
    response = post(client, "?nope=1", headers={"origin": "http://localhost:1"})
    assert response.headers["access-control-allow-origin"] == "http://localhost:1"
    assert "x-request-id" in response.headers["access-control-expose-headers"]


# Ids, logs, headers


def test_the_callers_request_id_reaches_the_server_and_comes_back(client, service):
    response = post(client, headers={"x-request-id": "11111111-2222-3333-4444-555555555555"})
    assert response.headers["x-request-id"] == "11111111-2222-3333-4444-555555555555"
    assert service.calls[-1].metadata["x-request-id"] == "11111111-2222-3333-4444-555555555555"


def test_every_answer_has_a_request_id_and_the_server_knows_the_same(client, service):
    ids = [post(client).headers["x-request-id"] for _ in range(2)]
    assert ids == [call.metadata["x-request-id"] for call in service.calls]
    assert len(set(ids)) == 2
    assert client.get("/nope").headers["x-request-id"]


def test_the_access_log_has_a_json_line_per_request_and_no_log_has_a_query_or_a_password(
    client, access_log, envoy_log
):
    post(
        client, "?detection_model=s3cret", headers={"x-request-id": "log-me"}, data={"pdf_password": "s3cret"}
    )
    post(client, "?pdf_password=s3cret")
    post(client, "?pdf_password=s3cret", files=[("large.pdf", b"\0" * (ENVOY_LIMIT_BYTES + 1))])
    client.get("/nope?key=s3cret")
    deadline = time.monotonic() + 10
    while access_log.read_text().count("log-me") < 1 or '"/nope"' not in access_log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    text = access_log.read_text()
    assert "s3cret" not in text + envoy_log.read_text()
    entry = next(e for e in map(json.loads, text.splitlines()) if e["request_id"] == "log-me")
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/ocr", 200)
    assert entry["bytes_received"] > 0
    assert entry["duration_ms"] >= 0


def test_answers_tell_nothing_of_the_servers_behind(client):
    headers = post(client).headers
    assert [name for name in headers if name.startswith(("x-envoy", "grpc-"))] == []


def test_a_server_that_no_longer_answers_is_504_when_envoys_own_limit_passes(server, service):
    config = render(EnvoyOptions(listen="127.0.0.1:0", admin="127.0.0.1:0", upstreams=(server.address,)))
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        if "max_stream_duration" in route.get("route", {}):
            route["route"]["max_stream_duration"]["max_stream_duration"] = "0.3s"
    service.page_permits = threading.Semaphore(0)
    with run_envoy(EnvoyOptions(), config=config) as url, httpx.Client(base_url=url, timeout=30) as client:
        assert_error(post(client), 504, grpc.StatusCode.DEADLINE_EXCEEDED)
        assert service.calls[-1].ended.wait(5)


# Servers that come and go


def test_no_server_is_503_in_the_contracts_form_and_health_says_so():
    options = EnvoyOptions(upstreams=("127.0.0.1:1",))
    with run_envoy(options) as url, httpx.Client(base_url=url, timeout=30) as client:
        response = post(client)
        message = assert_error(response, 503, grpc.StatusCode.UNAVAILABLE)
        assert int(response.headers["retry-after"]) > 0
        assert "127.0.0.1" not in message
        assert client.get("/health").status_code == 503
        with (
            grpc.insecure_channel(url.removeprefix("http://")) as channel,
            pytest.raises(grpc.RpcError) as refusal,
        ):
            ocr_pb2_grpc.OCRServiceStub(channel).ListModels(ocr_pb2.ListModelsRequest(), timeout=30)
        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not refusal.value.details().startswith("{")


def wait_until(condition, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_name_with_two_addresses_is_two_servers_and_one_may_die():
    limit = {"max_request_bytes": SERVER_LIMIT_BYTES}
    with run_form_server(host="127.0.0.1", **limit) as first:
        port = int(first.address.rpartition(":")[2])
        with (
            run_form_server(host="127.0.0.2", port=port, **limit) as second,
            run_dns_server("ocr.example", ["127.0.0.1", "127.0.0.2"]) as dns_port,
            run_envoy(EnvoyOptions(), config=with_resolver(f"ocr.example:{port}", dns_port)) as url,
            httpx.Client(base_url=url, timeout=30) as client,
        ):
            services = first.service, second.service
            wait_until(lambda: client.get("/health").status_code == 200)
            wait_until(lambda: post(client).status_code == 200 and all(s.calls for s in services))

            second.set_serving(False)  # drains: nothing new comes
            wait_until(lambda: not_called(second.service, lambda: post(client), times=10))

            second.set_serving(True)
            wait_until(lambda: post(client).status_code == 200 and len(second.service.calls) > 0)
            first.grpc_server.stop(grace=None).wait()  # dies
            # A request on a connection that is just closing may be lost: its body is not kept to be sent again.
            wait_until(lambda: [post(client).status_code for _ in range(10)] == [200] * 10)
            second.grpc_server.stop(grace=None).wait()
            assert_error(post(client), 503, grpc.StatusCode.UNAVAILABLE)
            wait_until(lambda: client.get("/health").status_code == 503)


def not_called(service, action, *, times):
    """Whether the service sees none of several successful calls; forgets what it saw before."""
    service.calls.clear()
    assert [action().status_code for _ in range(times)] == [200] * times
    return not service.calls


def with_resolver(upstream, dns_port):
    """The shipped configuration, asking our own DNS server for the upstream's name."""
    config = render(EnvoyOptions(listen="127.0.0.1:0", admin="127.0.0.1:0", upstreams=(upstream,)))
    cluster = config["static_resources"]["clusters"][0]
    cluster["cluster_type"]["typed_config"]["typed_dns_resolver_config"] = {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": "127.0.0.1", "port_value": dns_port}}],
            "dns_resolver_options": {"use_tcp_for_dns_lookups": False, "no_default_search_domain": True},
        },
    }
    return config


def test_what_the_shipped_file_says_of_errors_parses_as_the_servers_status(client, service):
    """The body is a google.rpc.Status in JSON: clients may parse it with their own copy of its types."""
    from google.rpc import error_details_pb2, status_pb2

    service.failures.append(QueueFullError("full", retry_after_s=1))
    status = json_format.Parse(post(client).text, status_pb2.Status())
    assert status.details[1].Is(error_details_pb2.RetryInfo.DESCRIPTOR)
