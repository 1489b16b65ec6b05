"""Every row of the contract's table of errors, over a real channel, with its details taken apart."""

from __future__ import annotations

import base64
import gzip
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from doctr_serve.catalog import ModelTask
from doctr_serve.v1 import ocr_pb2
from google.api import httpbody_pb2
from google.rpc import code_pb2
from support.faulty_decoder import faulty
from support.forms import CONTENT_TYPE, body, file_part
from support.pages import png, short_pdf, two_columns
from support.samples import letter_jpeg, letter_pdf
from support.server import Failure, failure_of, request, unpacked
from support.watched import Watched, watched_service

INVALID = grpc.StatusCode.INVALID_ARGUMENT
FORM = "multipart/form-data; boundary=x"


def named(name: str, content: bytes, password: str = "", *, continued: bool = False) -> ocr_pb2.Document:
    return ocr_pb2.Document(name=name, content=content, pdf_password=password, continued=continued)


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


def test_a_wrong_document_among_good_ones_is_an_entry_and_the_others_are_read(watched: Watched) -> None:
    documents = (short_pdf(1), named("notes.txt", b"text"), short_pdf(2))
    first, bad, *last = watched.service.stream(*documents)
    assert [(page.name, page.page_number) for page in (first, *last)] == [
        ("document-1", 1),
        ("document-3", 1),
        ("document-3", 2),
    ]
    assert all(page.pages[0].blocks for page in (first, *last))
    assert (bad.name, bad.page_number, bad.page_count) == ("notes.txt", 0, 0)
    assert not bad.pages
    assert not bad.dimensions
    assert bad.error.code == code_pb2.INVALID_ARGUMENT
    assert unpacked(bad.error.details)["ErrorInfo"].reason == "UNSUPPORTED_DOCUMENT"
    assert bad.error.message.startswith("'notes.txt': ")


def test_a_document_without_the_pages_asked_for_is_an_entry_among_the_others(watched: Watched) -> None:
    short, *long = watched.service.stream(named("one.pdf", short_pdf(1)), short_pdf(3), pages="2-")
    assert (short.name, short.page_number) == ("one.pdf", 0)
    assert "selects nothing of 'one.pdf', which has 1 page" in short.error.message
    assert [page.page_number for page in long] == [2, 3]
    assert not any(page.HasField("error") for page in long)


def test_a_request_whose_every_document_fails_is_refused_as_a_whole(watched: Watched) -> None:
    asked = request(named("notes.txt", b"text"), named("empty.pdf", b""))
    for method in ("ReadDocuments", "StreamPages"):
        failure = refusal(watched, asked, method)
        assert (failure.code, failure.fields) == (INVALID, ["notes.txt"])
    assert not watched.runtime.forwards


def test_a_page_that_cannot_be_decoded_is_an_entry_among_the_others(watched: Watched) -> None:
    documents = (short_pdf(1), named("half.jpg", letter_jpeg().content[:9000]), png(two_columns()))
    first, bad, last = watched.service.stream(*documents)
    assert first.pages[0].blocks
    assert last.pages[0].blocks
    assert_error_entry(bad, "half.jpg", code_pb2.INVALID_ARGUMENT, "UNREADABLE_DOCUMENT")
    assert list(bad.dimensions) == [1754, 1240]


def test_a_crash_of_the_decoder_costs_one_page(weights_dir: Path) -> None:
    command = faulty("crash:2")
    with watched_service(weights_dir, worker_command=command, max_concurrent_requests=1) as watched:
        first, bad, last = watched.service.stream(named("three.pdf", short_pdf(3)))
        assert (first.page_number, bad.page_number, last.page_number) == (1, 2, 3)
        assert first.pages[0].blocks
        assert last.pages[0].blocks
        assert_error_entry(bad, "three.pdf", code_pb2.INVALID_ARGUMENT, "DECODER_CRASHED")


def fail_on(backend: Any, task: ModelTask, *numbers: int) -> None:
    """Makes the n-th forwards of a task fail, as a bug would, with something that nobody outside may see."""
    count = 0

    def before(running: ModelTask) -> None:
        nonlocal count
        count += running is task
        if running is task and count in numbers:
            raise RuntimeError("internal detail: /etc/secret at 0x7f")

    backend.before = before


def test_a_page_whose_recognition_fails_is_an_entry_among_the_others(watched: Watched) -> None:
    fail_on(watched.runtime, ModelTask.RECOGNITION, 2)
    first, bad, last = watched.service.stream(named("three.pdf", short_pdf(3)))
    assert first.pages[0].blocks
    assert last.pages[0].blocks
    assert_error_entry(bad, "three.pdf", code_pb2.INTERNAL, "INTERNAL")
    assert "secret" not in str(bad)


def test_of_a_batch_whose_detection_fails_only_the_culprit_is_lost(watched: Watched) -> None:
    # The first page alone, then pages 2 and 3 together, then each of them alone.
    fail_on(watched.runtime, ModelTask.DETECTION, 2, 3)
    first, bad, last = watched.service.stream(named("three.pdf", short_pdf(3)), detection_batch_size=2)
    assert first.pages[0].blocks
    assert last.pages[0].blocks
    assert_error_entry(bad, "three.pdf", code_pb2.INTERNAL, "INTERNAL")


@pytest.mark.parametrize("task", [ModelTask.DETECTION, ModelTask.RECOGNITION])
def test_a_fault_of_the_server_tells_the_request_id_and_nothing_else(
    watched: Watched, task: ModelTask
) -> None:
    fail_on(watched.runtime, task, 1)
    failure = refusal(watched, request(short_pdf(1)))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert_message(failure, f"request id {failure.trailers['x-request-id']}")
    assert "secret" not in str(failure)


def test_a_fault_outside_the_pages_tells_the_request_id_and_nothing_else(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("internal detail: /etc/secret")

    monkeypatch.setattr(watched.engine, "predictor", broken)
    failure = refusal(watched, request(short_pdf(1)))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert_message(failure, f"request id {failure.trailers['x-request-id']}$")
    assert "secret" not in str(failure)


def test_a_fault_of_listing_models_does_not_leak_either(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Iterator[Any]:
        raise RuntimeError("internal detail: /etc/secret")

    monkeypatch.setattr(watched.engine.catalog, "entries", broken)
    with pytest.raises(grpc.RpcError) as caught:
        watched.service.stub.ListModels(ocr_pb2.ListModelsRequest(), timeout=60)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in caught.value.details()


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
