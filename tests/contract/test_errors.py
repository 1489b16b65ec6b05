"""Every row of the contract's table of errors, over a real channel, with its details taken apart.

Uploads are in test_upload_errors.py, errors of single pages in test_page_errors.py.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable

import grpc
import pytest
from doctr_serve.v1 import ocr_pb2
from google.api import httpbody_pb2
from support.pages import short_pdf
from support.refusals import INVALID, assert_message, named, refusal
from support.samples import letter_jpeg, letter_pdf
from support.server import request
from support.watched import Watched

FORM = "multipart/form-data; boundary=x"


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and holds nothing."""
    header = struct.pack(">II", width, height) + b"\x08\x02\x00\x00\x00"
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


# id: (request, reason, fields, what the message says)
REFUSED: dict[str, tuple[Callable[[], ocr_pb2.OCRRequest], str, list[str], str]] = {
    "unknown detection model": (
        lambda: request(b"", detection_model="db_resnet51"),
        "UNKNOWN_MODEL",
        ["detection_model"],
        "did you mean 'db_resnet50'.*accepted are: db_resnet50, db_resnet34, .*bundled/db_mobilenet_v3_large",
    ),
    "unknown recognition model": (
        lambda: request(b"", recognition_model="tesseract"),
        "UNKNOWN_MODEL",
        ["recognition_model"],
        "accepted are: crnn_vgg16_bn, .*viptr_tiny",
    ),
    "empty model name": (
        lambda: request(b"", detection_model=""),
        "UNKNOWN_MODEL",
        ["detection_model"],
        "accepted are",
    ),
    "a model of the other task": (
        lambda: request(b"", detection_model="parseq"),
        "UNKNOWN_MODEL",
        ["detection_model"],
        "is a recognition model",
    ),
    "a hub model where none are allowed": (
        lambda: request(b"", recognition_model="someone/model"),
        "UNKNOWN_MODEL",
        ["recognition_model"],
        "does not allow",
    ),
    "detection batch size": (
        lambda: request(b"", detection_batch_size=0),
        "INVALID_OPTION",
        ["detection_batch_size"],
        "between 1 and 16",
    ),
    "recognition batch size": (
        lambda: request(b"", recognition_batch_size=5000),
        "INVALID_OPTION",
        ["recognition_batch_size"],
        "between 1 and 1024",
    ),
    "binary threshold": (
        lambda: request(b"", binary_threshold=1.5),
        "INVALID_OPTION",
        ["binary_threshold"],
        "between 0.* and 1.*got 1.5",
    ),
    "box threshold": (
        lambda: request(b"", box_threshold=float("nan")),
        "INVALID_OPTION",
        ["box_threshold"],
        "between 0.* and 1.*got nan",
    ),
    "paragraph break": (
        lambda: request(b"", paragraph_break=-1),
        "INVALID_OPTION",
        ["paragraph_break"],
        "between 0.* and 1",
    ),
    "malformed pages": (lambda: request(short_pdf(2), pages="1,x"), "INVALID_OPTION", ["pages"], "'1-3,7'"),
    "pages that select nothing": (
        lambda: request(short_pdf(2), pages="7"),
        "INVALID_OPTION",
        ["pages"],
        "which has 2 pages",
    ),
    "pages of megabytes": (
        lambda: request(b"", pages="1," * 1_500_000),
        "INVALID_OPTION",
        ["pages"],
        "3000000 characters are more than 8192; accepted are",
    ),
    "a model's name of megabytes": (
        lambda: request(b"", recognition_model="m" * 3_000_000),
        "INVALID_OPTION",
        ["recognition_model"],
        "'mmm.*has 3000000 characters, more than 255",
    ),
    "a document's name of megabytes": (
        lambda: request(short_pdf(1), named("n" * 3_000_000, short_pdf(1))),
        "INVALID_REQUEST",
        ["documents"],
        "the name of document 2, 'nnn.*has 3000000 characters, more than 255",
    ),
    "a password of megabytes": (
        lambda: request(named("a.pdf", short_pdf(1), "p" * 3_000_000)),
        "INVALID_REQUEST",
        ["pdf_password"],
        "'a.pdf': its pdf_password is longer than 1024 bytes",
    ),
    "base64": (
        lambda: request(named("a.pdf", base64.b64encode(short_pdf(1)))),
        "UNSUPPORTED_DOCUMENT",
        ["a.pdf"],
        "'a.pdf': the content is base64 text of a PDF file; send the file's own bytes",
    ),
    "a data: address": (
        lambda: request(named("a.png", b"data:image/png;base64,iVBORw0KGgo=")),
        "UNSUPPORTED_DOCUMENT",
        ["a.png"],
        "'a.png': the content is a data: address",
    ),
    "no document": (lambda: request(), "NO_DOCUMENTS", ["documents"], "at least one"),
    "an empty document": (
        lambda: request(named("empty.png", b"")),
        "UNREADABLE_DOCUMENT",
        ["empty.png"],
        "'empty.png': the file is empty",
    ),
    "text": (
        lambda: request(named("notes.pdf", b"just text, whatever its name says")),
        "UNSUPPORTED_DOCUMENT",
        ["notes.pdf"],
        "'notes.pdf': .*accepted are JPEG, PNG, PDF",
    ),
    "a file of another format": (
        lambda: request(named("a.docx", b"PK\x03\x04" + bytes(40))),
        "UNSUPPORTED_DOCUMENT",
        ["a.docx"],
        "looks like .*Office document",
    ),
    "a damaged PDF": (
        lambda: request(named("broken.pdf", b"%PDF-1.7\n" + bytes(200))),
        "UNREADABLE_DOCUMENT",
        ["broken.pdf"],
        "'broken.pdf'",
    ),
    "a truncated JPEG": (
        lambda: request(named("half.jpg", letter_jpeg().content[:9000])),
        "UNREADABLE_DOCUMENT",
        ["half.jpg"],
        "'half.jpg', page 1: ",
    ),
    "an encrypted PDF": (
        lambda: request(named("locked.pdf", letter_pdf(password="open sesame").content)),
        "ENCRYPTED_DOCUMENT",
        ["locked.pdf"],
        "'locked.pdf': .*pdf_password",
    ),
    "a wrong password": (
        lambda: request(named("locked.pdf", letter_pdf(password="open sesame").content, "guess")),
        "ENCRYPTED_DOCUMENT",
        ["locked.pdf"],
        "'locked.pdf': .*password",
    ),
    "too many pixels, from the header alone": (
        lambda: request(named("huge.png", png_header(50_000, 50_000))),
        "PAGE_TOO_LARGE",
        ["huge.png"],
        "50000 x 50000 pixels is more than",
    ),
    "a form outside UploadDocuments": (
        lambda: ocr_pb2.OCRRequest(body=httpbody_pb2.HttpBody(content_type=FORM, data=b"--x--")),
        "INVALID_REQUEST",
        ["body"],
        "UploadDocuments",
    ),
    "a continued document outside UploadDocuments": (
        lambda: request(named("a.pdf", b"%PDF", continued=True)),
        "INVALID_REQUEST",
        ["documents"],
        "UploadDocuments",
    ),
}


@pytest.mark.parametrize("method", ["StreamPages", "ReadDocuments"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_is_refused_and_told_why(watched: Watched, case: str, method: str) -> None:
    make, reason, fields, message = REFUSED[case]
    failure = refusal(watched, make(), method)
    assert (failure.code, failure.reason, failure.fields) == (INVALID, reason, fields)
    assert_message(failure, message)
    assert failure.retry_after_s is None
    assert failure.trailers["x-error-reason"] == reason
    assert not watched.runtime.forwards


def test_weights_that_are_not_here_come_with_the_command_that_fetches_them(watched: Watched) -> None:
    failure = refusal(watched, request(short_pdf(1), detection_model="db_resnet50"))
    assert failure.code is grpc.StatusCode.FAILED_PRECONDITION
    assert failure.reason == "WEIGHTS_UNAVAILABLE"
    assert_message(failure, "doctr-serve pull db_resnet50")


def test_the_names_in_an_error_cannot_make_it_too_long_to_arrive(watched: Watched) -> None:
    name = "名" * 255
    failure = refusal(watched, request(named(name, b"text")))
    assert (failure.code, failure.reason) == (INVALID, "UNSUPPORTED_DOCUMENT")
    assert_message(failure, "名.*accepted are JPEG")
    assert failure.fields != [name], "the field is cut short"
    assert_message(refusal(watched, request(named(name * 100, b"text"))), "名….*more than 255")
