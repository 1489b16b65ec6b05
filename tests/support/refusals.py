"""What the tests of errors send, and how they take apart what comes back."""

from __future__ import annotations

import re

import grpc
import pytest
from doctr_serve.v1 import ocr_pb2
from support.server import Failure, failure_of, unpacked
from support.watched import Watched

__all__ = ["INVALID", "assert_error_entry", "assert_message", "named", "refusal"]

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def named(name: str, content: bytes, password: str = "", *, continued: bool = False) -> ocr_pb2.Document:
    return ocr_pb2.Document(name=name, content=content, pdf_password=password, continued=continued)


def refusal(watched: Watched, asked: ocr_pb2.OCRRequest, method: str = "ReadDocuments") -> Failure:
    """What a call that must be refused before its first page is refused with."""
    stub = watched.service.stub
    calls = {
        "ReadDocuments": lambda: stub.ReadDocuments(asked, timeout=60),
        "StreamPages": lambda: next(stub.StreamPages(asked, timeout=60)),
    }
    with pytest.raises(grpc.RpcError) as caught:
        calls[method]()
    return failure_of(caught.value)


def assert_message(failure: Failure, pattern: str) -> None:
    assert re.search(pattern, failure.message), failure.message


def assert_error_entry(result: ocr_pb2.PageResult, name: str, code: int, reason: str) -> None:
    assert result.name == name
    assert not result.pages
    assert result.error.code == code
    details = unpacked(result.error.details)
    assert details["ErrorInfo"].reason == reason
    assert [violation.field for violation in details["BadRequest"].field_violations] == [name]
    assert f"'{name}', page {result.page_number}: " in result.error.message
    # Always set, so that the JSON has them.
    assert result.HasField("orientation")
    assert result.HasField("language")
