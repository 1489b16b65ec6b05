"""Documents sent as JSON: what Envoy forwards, what it refuses by the headers alone, and what it holds."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from doctr_serve.edge.config import EnvoyOptions
from doctr_serve.errors import InternalError, QueueFullError, RequestTooLargeError, UnknownModelError
from support.fake_ocr_server import FakeServer
from support.rest_edge import MIB, assert_error, post
from support.rest_server import FakeFormService, run_envoy

READ, STREAM = "/v1/documents:read", "/v1/documents:stream"
LIMIT_BYTES = EnvoyOptions().max_json_bytes
CONTENT = b"\x89PNG not really"
REQUEST = {"documents": [{"name": "page.png", "content": base64.b64encode(CONTENT).decode()}]}
BODY = json.dumps(REQUEST).encode()
JSON_HEADERS = {"content-type": "application/json"}
INVALID = grpc.StatusCode.INVALID_ARGUMENT
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
both = pytest.mark.parametrize("path", [READ, STREAM])


def entries_of(path: str, response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    return answer["results"] if path == READ else answer


@both
def test_an_entry_is_the_entry_of_ocr(client: httpx.Client, service: FakeFormService, path: str) -> None:
    service.pages = 2
    entries = entries_of(path, client.post(path, json=REQUEST))
    assert entries == post(client).json()
    assert service.calls[0].documents[0].size_bytes == len(CONTENT)


@both
def test_options_are_fields_by_either_of_their_names(
    client: httpx.Client, service: FakeFormService, path: str
) -> None:
    options = {"detectLanguage": True, "group_blocks": False, "pages": "1-2", "box_threshold": 0.25}
    client.post(path, json={**REQUEST, **options})
    assert service.calls[-1].options == {
        "detect_language": True,
        "group_blocks": False,
        "pages": "1-2",
        "box_threshold": 0.25,
    }


@both
@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        'application/json; charset="utf-8"',
    ],
)
def test_json_in_utf_8_is_taken(
    client: httpx.Client, service: FakeFormService, path: str, content_type: str
) -> None:
    headers = {"content-type": content_type, "content-encoding": "identity"}
    assert client.post(path, content=BODY, headers=headers).status_code == 200


@both
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/jsonl"},
        {"content-type": "application/json; charset=utf-16"},
    ],
    ids=str,
)
def test_another_content_type_is_415_and_told_the_right_one(
    client: httpx.Client, service: FakeFormService, path: str, headers: dict[str, str]
) -> None:
    response = client.post(path, content=BODY, headers=headers)
    assert f"POST {path} takes JSON in UTF-8, sent with Content-Type: application/json" in assert_error(
        response, 415, INVALID
    )
    assert service.calls == []


@both
@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
def test_a_compressed_body_is_415_by_its_header(
    client: httpx.Client, service: FakeFormService, path: str, encoding: str
) -> None:
    headers = {**JSON_HEADERS, "content-encoding": encoding}
    response = client.post(path, content=gzip.compress(BODY), headers=headers)
    assert "without a Content-Encoding" in assert_error(response, 415, INVALID)
    assert service.calls == []


@both
@pytest.mark.parametrize(
    "query", ["pages=1", "documents.name=x", "body.data=eA==", "nope=1", "x", "%70ages=1"]
)
def test_query_parameters_are_400_and_told_to_be_fields(
    client: httpx.Client, service: FakeFormService, path: str, query: str
) -> None:
    message = assert_error(client.post(f"{path}?{query}", json=REQUEST), 400, INVALID)
    assert f"POST {path} takes no query parameters: options are fields of the JSON" in message
    assert service.calls == []


@both
def test_a_question_mark_alone_asks_nothing(
    client: httpx.Client, service: FakeFormService, path: str
) -> None:
    assert client.post(f"{path}?", json=REQUEST).status_code == 200


@both
def test_another_verb_is_405_and_a_slash_at_the_end_404(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert f"{path} takes POST" in assert_error(response, 405, grpc.StatusCode.UNIMPLEMENTED)
    assert response.headers["allow"] == "POST"
    assert path in assert_error(client.post(f"{path}/", json=REQUEST), 404, grpc.StatusCode.NOT_FOUND)


def padded(size_bytes: int) -> bytes:
    """The request in JSON of exactly so many bytes."""
    return BODY + b" " * (size_bytes - len(BODY))


@both
def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_413_with_what_to_do(
    client: httpx.Client, service: FakeFormService, path: str
) -> None:
    assert client.post(path, content=padded(LIMIT_BYTES), headers=JSON_HEADERS).status_code == 200
    response = client.post(path, content=padded(LIMIT_BYTES + 1), headers=JSON_HEADERS)
    message = assert_error(response, 413, EXHAUSTED)
    assert f"larger than {LIMIT_BYTES} bytes, and base64 makes a third more" in message
    assert "a form to POST /ocr" in message
    assert len(service.calls) == 1


@both
def test_a_body_over_the_limit_is_413_by_its_length_before_any_of_it_is_sent(
    client: httpx.Client, service: FakeFormService, path: str
) -> None:
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port, timeout=10)
    connection.putrequest("POST", path)
    for name, value in {**JSON_HEADERS, "content-length": str(LIMIT_BYTES + 1)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@both
def test_a_body_without_a_length_is_413_as_soon_as_it_is_over_the_limit(
    client: httpx.Client, service: FakeFormService, path: str
) -> None:
    sent: list[int] = []

    def pieces() -> Iterator[bytes]:
        yield b'{"documents": [{"content": "'
        for number in range(1000):
            sent.append(number)
            yield b"A" * MIB

    response = client.post(path, content=pieces(), headers=JSON_HEADERS)
    assert f"larger than {LIMIT_BYTES} bytes" in assert_error(response, 413, EXHAUSTED)
    assert len(sent) < 100, "Envoy has read on after its answer"


def test_the_limit_follows_that_of_the_servers_messages(server: FakeServer, service: FakeFormService) -> None:
    options = EnvoyOptions(upstreams=(server.address,), max_message_bytes=64 * 1024)
    with run_envoy(options) as url, httpx.Client(base_url=url) as client:
        response = client.post(READ, content=padded(64 * 1024), headers=JSON_HEADERS)
        assert f"larger than {63 * 1024} bytes" in assert_error(response, 413, EXHAUSTED)
        assert client.post(READ, content=padded(63 * 1024), headers=JSON_HEADERS).status_code == 200


@pytest.mark.parametrize("has_length", [True, False])
def test_a_message_over_the_servers_own_limit_is_413_too(
    server: FakeServer, service: FakeFormService, has_length: bool
) -> None:
    body = padded(5 * MIB)
    content = body if has_length else iter([body[:MIB], body[MIB:]])
    options = EnvoyOptions(upstreams=(server.address,), max_message_bytes=8 * MIB)
    with run_envoy(options) as url, httpx.Client(base_url=url, timeout=30) as client:
        response = client.post(READ, content=content, headers=JSON_HEADERS)
    assert str(4 * MIB) in assert_error(response, 413, EXHAUSTED)


def test_an_answer_too_long_to_be_held_is_413_and_told_to_stream(
    client: httpx.Client, service: FakeFormService
) -> None:
    service.pages, service.word = 10, "x" * MIB
    message = assert_error(client.post(READ, json=REQUEST), 413, EXHAUSTED)
    assert f"POST {STREAM} sends answers of any length" in message
    assert len(entries_of(STREAM, client.post(STREAM, json=REQUEST))) == 10


def test_the_first_page_is_there_before_the_last_is_asked_for(
    client: httpx.Client, service: FakeFormService
) -> None:
    service.pages, service.page_permits = 3, threading.Semaphore(1)
    with client.stream("POST", STREAM, json=REQUEST) as response:
        pieces = response.iter_text()
        assert '"page_number":1' in next(pieces)
        service.page_permits.release(2)
        assert '"page_number":3' in "".join(pieces)


def test_a_stream_that_fails_after_its_first_page_is_no_whole_array(
    client: httpx.Client, service: FakeFormService
) -> None:
    service.pages, service.fail_after_pages = 2, InternalError("broke")
    response = client.post(STREAM, json=REQUEST)
    with pytest.raises(json.JSONDecodeError):
        response.json()
    service.fail_after_pages = InternalError("broke")
    assert assert_error(client.post(READ, json=REQUEST), 500, grpc.StatusCode.INTERNAL) == "broke"


@both
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownModelError("no such model", field="detection_model"), 400),
        (RequestTooLargeError("too many pages"), 413),
        (QueueFullError("full", retry_after_s=2), 429),
    ],
    ids=lambda value: getattr(value, "reason", str(value)),
)
def test_the_servers_errors_have_the_status_that_they_have_for_ocr(
    client: httpx.Client, service: FakeFormService, path: str, error: Any, status: int
) -> None:
    service.failures += [error, error]
    as_json, as_form = client.post(path, json=REQUEST), post(client)
    assert as_json.status_code == as_form.status_code == status
    assert as_json.json() == as_form.json()
    assert as_json.headers.get("retry-after") == as_form.headers.get("retry-after")


@both
def test_json_that_is_no_request_is_the_servers_to_refuse_by_name(
    client: httpx.Client, service: FakeFormService, path: str
) -> None:
    response = client.post(path, json={**REQUEST, "detect_langauge": True})
    assert "'detect_langauge'" in assert_error(response, 400, INVALID)
