"""What the tests of the REST edge send, and what they expect of an error."""

from __future__ import annotations

from typing import Any

import grpc
import httpx
from doctr_serve.v1 import ocr_pb2

MIB = 1024 * 1024
SERVER_LIMIT_BYTES = 24 * MIB
ENVOY_LIMIT_BYTES = 32 * MIB
PNG = ("page.png", b"\x89PNG not really", "image/png")
OPTIONS = [f for f in ocr_pb2.OCRRequest.DESCRIPTOR.fields_by_name if f not in ("documents", "body")]


def post(client: httpx.Client, query: str = "", files=(PNG,), **more) -> httpx.Response:
    return client.post(f"/ocr{query}", files=[("files", file) for file in files], **more)


def assert_error(response: httpx.Response, status: int, code: grpc.StatusCode) -> str:
    """The contract's error body; returns its message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    error = response.json()
    assert set(error) == {"code", "message", "details"}, error
    assert error["code"] == code.value[0], error
    assert error["message"], error
    assert isinstance(error["details"], list), error
    return error["message"]


def words_of(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The words of an entry of the answer, in reading order."""
    return [
        word
        for page in entry["pages"]
        for block in page["blocks"]
        for line in block["lines"]
        for word in line["words"]
    ]
