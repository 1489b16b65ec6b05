"""Request ids, the access log, and what no answer and no log may tell."""

import json

from support.rest_edge import ENVOY_LIMIT_BYTES, post
from support.waiting import eventually


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
    eventually(
        lambda: all(logged in access_log.read_text() for logged in ("log-me", '"/nope"')),
        timeout_s=10,
        what="the line of each request in the access log",
    )
    text = access_log.read_text()
    assert "s3cret" not in text + envoy_log.read_text()
    entry = next(e for e in map(json.loads, text.splitlines()) if e["request_id"] == "log-me")
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/ocr", 200)
    assert entry["bytes_received"] > 0
    assert entry["duration_ms"] >= 0


def test_answers_tell_nothing_of_the_servers_behind(client):
    headers = post(client).headers
    assert [name for name in headers if name.startswith(("x-envoy", "grpc-"))] == []
