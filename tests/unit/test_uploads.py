from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import SourceDocument
from doctr_serve.errors import (
    DeadlineExceeded,
    InvalidRequestError,
    NoDocumentsError,
    RequestCancelled,
    RequestTooLargeError,
)
from doctr_serve.rpc.intake.incoming import interruptible
from doctr_serve.rpc.intake.messages import documents_of, receive_upload
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2


def message(*documents: ocr_pb2.Document, **options: Any) -> ocr_pb2.OCRRequest:
    return ocr_pb2.OCRRequest(documents=documents, **options)


def piece(content: bytes, name: str = "", *, continued: bool = False, password: str = "") -> ocr_pb2.Document:
    return ocr_pb2.Document(name=name, content=content, continued=continued, pdf_password=password)


def received(*messages: ocr_pb2.OCRRequest, **settings: Any) -> list[tuple[str, bytes, str]]:
    with ExitStack() as stack:
        first, *rest = messages
        documents = receive_upload(first, iter(rest), Settings(**settings), stack)
        return [(document.name, content_of(document), document.pdf_password) for document in documents]


def content_of(document: SourceDocument) -> bytes:
    if isinstance(document.content, bytes):
        return document.content
    document.content.seek(0)
    return document.content.read()


def test_whole_documents_keep_name_content_and_password() -> None:
    request = message(piece(b"one", "a.pdf", password="secret"), piece(b"two"))
    documents = documents_of(request, Settings(max_request_bytes=100))
    assert [(document.name, document.content, document.pdf_password) for document in documents] == [
        ("a.pdf", b"one", "secret"),
        ("document-2", b"two", ""),
    ]


def test_the_bytes_of_all_documents_count_together() -> None:
    request = message(piece(b"12345"), piece(b"67890"))
    assert len(documents_of(request, Settings(max_request_bytes=10))) == 2
    with pytest.raises(RequestTooLargeError, match="larger than 9 bytes"):
        documents_of(request, Settings(max_request_bytes=9))


@pytest.mark.parametrize("spool_memory_bytes", [0, 5, 1000])
def test_pieces_are_put_together_in_memory_or_in_a_file(spool_memory_bytes: int) -> None:
    assert received(
        message(piece(b"ab", "first", password="p"), group_blocks=True),
        message(piece(b"cd", continued=True), piece(b"ef", continued=True)),
        message(piece(b"gh", "second"), piece(b"", continued=True)),
        message(),
        message(piece(b"ij" * 10, continued=True)),
        spool_memory_bytes=spool_memory_bytes,
    ) == [("first", b"abcdef", "p"), ("second", b"gh" + b"ij" * 10, "")]


def test_files_have_no_name_that_could_outlive_the_server_and_close_when_the_request_ends() -> None:
    with ExitStack() as stack:
        (document,) = receive_upload(
            message(piece(b"content")), iter([]), Settings(spool_memory_bytes=0), stack
        )
        assert not isinstance(document.content, bytes | Path)
        assert os.fstat(document.content.fileno()).st_nlink == 0
    assert document.content.closed


def test_too_many_bytes_are_refused_at_the_message_that_brings_them() -> None:
    taken = 0

    def endless() -> Iterator[ocr_pb2.OCRRequest]:
        nonlocal taken
        while True:
            taken += 1
            yield message(piece(b"x" * 10, continued=True))

    with pytest.raises(RequestTooLargeError), ExitStack() as stack:
        receive_upload(message(piece(b"x" * 10)), endless(), Settings(max_request_bytes=100), stack)
    assert taken == 10


def test_too_many_documents_are_refused() -> None:
    with pytest.raises(RequestTooLargeError, match="more than 2 documents"):
        received(message(piece(b"1"), piece(b"2")), message(piece(b"3")), max_documents=2)


def test_an_upload_without_a_document_is_refused() -> None:
    with pytest.raises(NoDocumentsError):
        received(message(group_blocks=True), message())


@pytest.mark.parametrize("name", ["detection_model", "pages", "group_lines", "body"])
def test_what_would_be_ignored_in_a_later_message_is_refused(name: str) -> None:
    value: Any = {"body": {"data": b"x"}, "group_lines": False}.get(name, "x")
    with pytest.raises(InvalidRequestError) as caught:
        received(message(piece(b"1")), message(**{name: value}))
    assert caught.value.field == name


def test_messages_pass_in_order_and_end() -> None:
    sent = [message(piece(bytes([number]))) for number in range(20)]
    assert list(interruptible(iter(sent), Interrupt(30))) == sent


def stalled(until: threading.Event) -> Iterator[ocr_pb2.OCRRequest]:
    yield message(piece(b"1"))
    until.wait(30)


@pytest.mark.parametrize("expires", [False, True], ids=["cancelled", "expired"])
def test_a_stalled_upload_ends_with_the_request(expires: bool) -> None:
    until, interrupt = threading.Event(), Interrupt(0.2 if expires else None)
    messages = interruptible(stalled(until), interrupt)
    next(messages)
    if not expires:
        interrupt.cancel()
    with pytest.raises(DeadlineExceeded if expires else RequestCancelled):
        next(messages)
    until.set()


def test_an_upload_that_breaks_off_is_a_cancelled_request() -> None:
    def broken() -> Iterator[ocr_pb2.OCRRequest]:
        yield message(piece(b"1"))
        raise RuntimeError("as grpc's iterator does")

    with pytest.raises(RequestCancelled):
        list(interruptible(broken(), Interrupt()))


def test_messages_that_nobody_takes_are_not_read_ahead_without_bound() -> None:
    taken = 0

    def endless() -> Iterator[ocr_pb2.OCRRequest]:
        nonlocal taken
        while True:
            taken += 1
            yield message()

    interrupt = Interrupt()
    messages = interruptible(endless(), interrupt)
    next(messages)
    threading.Event().wait(0.2)
    assert taken <= 7
    interrupt.cancel()
