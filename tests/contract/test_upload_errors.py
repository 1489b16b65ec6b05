"""Uploads that are refused, over a real channel: forms, documents in pieces, options that come too late."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable

import grpc
import pytest
from doctr_serve.v1 import ocr_pb2
from google.api import httpbody_pb2
from support.forms import CONTENT_TYPE, body, file_part
from support.pages import short_pdf
from support.refusals import INVALID, assert_message, named
from support.server import failure_of, request
from support.watched import Watched

FORM = "multipart/form-data; boundary=x"


# id: (messages, reason, fields, what the message says)
REFUSED_UPLOADS: dict[str, tuple[Callable[[], list[ocr_pb2.OCRRequest]], str, list[str], str]] = {
    "no message": (lambda: [], "NO_DOCUMENTS", ["documents"], "at least one"),
    "no document": (lambda: [request(), request()], "NO_DOCUMENTS", ["documents"], "at least one"),
    "a continued document first": (
        lambda: [request(named("a.pdf", b"%PDF", continued=True))],
        "INVALID_REQUEST",
        ["documents"],
        "cannot be continued",
    ),
    "an option after the first message": (
        lambda: [request(short_pdf(1)), request(short_pdf(1), group_blocks=True)],
        "INVALID_REQUEST",
        ["group_blocks"],
        "too late",
    ),
    "a form and documents": (
        lambda: [request(short_pdf(1), body=httpbody_pb2.HttpBody(content_type=FORM))],
        "INVALID_REQUEST",
        ["documents"],
        "not both",
    ),
    "documents after a form": (
        lambda: [
            ocr_pb2.OCRRequest(body=httpbody_pb2.HttpBody(content_type=FORM, data=b"--x\r\n")),
            request(short_pdf(1)),
        ],
        "INVALID_REQUEST",
        ["documents"],
        "too late",
    ),
    "base64 in pieces": (
        lambda: [
            request(named("a.pdf", base64.b64encode(short_pdf(1))[:10])),
            request(named("", base64.b64encode(short_pdf(1))[10:], continued=True)),
        ],
        "UNSUPPORTED_DOCUMENT",
        ["a.pdf"],
        "'a.pdf': the content is base64 text of a PDF file; send the file's own bytes",
    ),
    "a form with base64": (
        lambda: [
            ocr_pb2.OCRRequest(
                body=httpbody_pb2.HttpBody(
                    content_type=CONTENT_TYPE,
                    data=body(file_part("a.pdf", base64.encodebytes(short_pdf(1)))),
                )
            )
        ],
        "UNSUPPORTED_DOCUMENT",
        ["a.pdf"],
        "'a.pdf': the content is base64 text of a PDF file; send the file's own bytes",
    ),
    "a form of another type": (
        lambda: [ocr_pb2.OCRRequest(body=httpbody_pb2.HttpBody(content_type="text/plain", data=b"hello"))],
        "INVALID_REQUEST",
        ["content-type"],
        "multipart/form-data",
    ),
    "malformed pages, before the documents arrive": (
        lambda: [request(pages="1,x")],
        "INVALID_OPTION",
        ["pages"],
        "'1-3,7'",
    ),
    "a compressed form": (
        lambda: [
            ocr_pb2.OCRRequest(body=httpbody_pb2.HttpBody(content_type=FORM, data=gzip.compress(b"--x")))
        ],
        "INVALID_REQUEST",
        ["files"],
        "it is compressed; send it as it is, without a Content-Encoding",
    ),
    "an option out of range": (
        lambda: [request(short_pdf(1), box_threshold=7)],
        "INVALID_OPTION",
        ["box_threshold"],
        "between",
    ),
}


@pytest.mark.parametrize("case", REFUSED_UPLOADS)
def test_a_wrong_upload_is_refused_and_told_why(watched: Watched, case: str) -> None:
    make, reason, fields, message = REFUSED_UPLOADS[case]
    with pytest.raises(grpc.RpcError) as caught:
        list(watched.service.stub.UploadDocuments(iter(make()), timeout=60))
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason, failure.fields) == (INVALID, reason, fields)
    assert_message(failure, message)
