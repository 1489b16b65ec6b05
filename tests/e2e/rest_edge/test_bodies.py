"""Bodies of every size: whole, in chunks, over Envoy's limit and over the server's."""

import http.client
import os

import grpc
import httpx
from doctr_serve.errors import UnknownModelError
from support.rest_edge import ENVOY_LIMIT_BYTES, MIB, SERVER_LIMIT_BYTES, assert_error, post

FORM_HEAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="large.pdf"\r\n\r\n'
FORM_HEADERS = {"content-type": "multipart/form-data; boundary=x"}


def zeros(size_bytes):
    for _ in range(size_bytes // MIB):
        yield b"\0" * MIB


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
