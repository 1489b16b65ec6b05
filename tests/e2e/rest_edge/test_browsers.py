"""CORS: which pages may call from a browser, and what they may read."""

import pytest
from doctr_serve.errors import InternalError
from support.rest_edge import post


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
