from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import SourceDocument
from doctr_serve.documents.page_selection import PageSelection
from doctr_serve.errors import (
    DeadlineExceeded,
    InvalidOptionError,
    InvalidRequestError,
    NoDocumentsError,
    RequestCancelled,
    RequestTooLargeError,
)
from doctr_serve.rpc.intake.incoming import interruptible, paced
from doctr_serve.rpc.intake.messages import documents_of, receive_upload
from doctr_serve.rpc.intake.options import options_of
from doctr_serve.rpc.intake.spool import SpoolMemory
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2
from support.forms import spool_memory


def message(*documents: ocr_pb2.Document, **options: Any) -> ocr_pb2.OCRRequest:
    return ocr_pb2.OCRRequest(documents=documents, **options)


def piece(content: bytes, name: str = "", *, continued: bool = False, password: str = "") -> ocr_pb2.Document:
    return ocr_pb2.Document(name=name, content=content, continued=continued, pdf_password=password)


def received(*messages: ocr_pb2.OCRRequest, **settings: Any) -> list[tuple[str, bytes, str]]:
    with ExitStack() as stack:
        first, *rest = messages
        limits = Settings(**settings)
        memory = SpoolMemory.from_settings(limits)
        documents = receive_upload(first, iter(rest), limits, memory, stack)
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
        (document,) = receive_upload(message(piece(b"content")), iter([]), Settings(), spool_memory(0), stack)
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
        receive_upload(
            message(piece(b"x" * 10)), endless(), Settings(max_request_bytes=100), spool_memory(0), stack
        )
    assert taken == 10


def test_too_many_documents_are_refused() -> None:
    with pytest.raises(RequestTooLargeError, match="more than 2 documents"):
        received(message(piece(b"1"), piece(b"2")), message(piece(b"3")), max_documents=2)


LONG_NAME = "n" * 256
LONG_PASSWORD = "p" * 1025

# id: (a document, what the message says, the field)
TOO_LONG: dict[str, tuple[ocr_pb2.Document, str, str]] = {
    "name": (
        piece(b"%PDF-", LONG_NAME),
        "the name of document 2, 'nnn.*has 256 characters, more than 255",
        "documents",
    ),
    "name of megabytes": (piece(b"%PDF-", "n" * 8_000_000), "has 8000000 characters", "documents"),
    "password": (
        piece(b"%PDF-", "a.pdf", password=LONG_PASSWORD),
        "'a.pdf': its pdf_password is longer",
        "pdf_password",
    ),
    "password in bytes": (
        piece(b"%PDF-", password="ä" * 513),
        "'document-2': its pdf_password",
        "pdf_password",
    ),
}


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "uploaded"])
@pytest.mark.parametrize("case", TOO_LONG)
def test_a_name_or_a_password_that_is_too_long_is_refused_for_its_document(case: str, whole: bool) -> None:
    document, said, field = TOO_LONG[case]
    first = piece(b"%PDF-")
    with pytest.raises(InvalidRequestError, match=said) as caught:
        documents_of(message(first, document), Settings()) if whole else received(
            message(first), message(document)
        )
    assert caught.value.field == field
    assert len(caught.value.message) < 300
    assert "ppp" not in caught.value.message


def test_the_longest_names_and_passwords_are_accepted() -> None:
    document = piece(b"%PDF-", "名" * 255, password="ä" * 512)
    assert received(message(document)) == [("名" * 255, b"%PDF-", "ä" * 512)]


def of_model(kind: str) -> Callable[[str], object]:
    return lambda text: options_of(message(**{kind: text}), Settings())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("detection_model", of_model("detection_model")),
        ("recognition_model", of_model("recognition_model")),
        ("pages", PageSelection),
    ],
)
def test_an_option_of_megabytes_is_refused_at_once_and_quoted_short(
    name: str, check: Callable[[str], object]
) -> None:
    text = "1," * 3_000_000
    started = time.process_time()
    with pytest.raises(InvalidOptionError, match="6000000 characters") as caught:
        check(text)
    assert time.process_time() - started < 0.5
    assert caught.value.field == name
    assert len(caught.value.message) < 300


def test_one_message_of_more_pieces_than_there_may_be_documents_is_refused_before_they_are_looked_at() -> (
    None
):
    continued = message(*[piece(b"", continued=True)] * 4)
    assert received(message(piece(b"1")), continued, max_documents=3) == [("document-1", b"1", "")]
    with pytest.raises(RequestTooLargeError, match="5 documents or pieces of documents"):
        received(message(piece(b"1")), message(*[piece(b"", continued=True)] * 5), max_documents=3)


@pytest.mark.parametrize(
    "endless",
    [
        message(),
        message(piece(b"", continued=True)),
        message(piece(b"x", continued=True)),
        message(piece(b"", "a name that nobody looks at", continued=True)),
        message(piece(b"", continued=True, password="x" * 1_000_000)),
        message(ocr_pb2.Document(continued=True, content_type="x" * 1_000_000)),
    ],
    ids=["nothing", "no content", "a byte", "a name", "a password", "a type"],
)
def test_messages_without_end_reach_a_limit_whatever_they_bring(endless: ocr_pb2.OCRRequest) -> None:
    taken = 0

    def messages() -> Iterator[ocr_pb2.OCRRequest]:
        nonlocal taken
        while taken < 1_000_000:
            taken += 1
            yield endless

    with (
        pytest.raises(RequestTooLargeError, match=r"is larger than .* send pieces of 64 KiB"),
        ExitStack() as stack,
    ):
        receive_upload(
            message(piece(b"1")), messages(), Settings(max_request_bytes=1_000_000), spool_memory(0), stack
        )
    assert taken < 20_000


def test_a_form_s_messages_without_end_reach_a_limit_too() -> None:
    first = ocr_pb2.OCRRequest(body={"content_type": "multipart/form-data; boundary=x"})
    endless = ocr_pb2.OCRRequest(body={"content_type": "y"})
    with pytest.raises(RequestTooLargeError, match="send pieces of 64 KiB"):
        received(first, *[endless] * 20_000, max_request_bytes=1_000_000)


@pytest.mark.parametrize("piece_bytes", [512, 65_536])
def test_a_document_of_exactly_the_limit_passes_in_pieces(piece_bytes: int) -> None:
    content = bytes(2**20)
    pieces = [message(piece(content[:piece_bytes], continued=True))] * (2**20 // piece_bytes - 1)
    (document,) = received(message(piece(content[:piece_bytes])), *pieces, max_request_bytes=2**20)
    assert document[1] == content


def slowly(clock: list[float], *waits_s: float) -> Iterator[ocr_pb2.OCRRequest]:
    for wait_s in waits_s:
        clock[0] += wait_s
        yield message()


def at_a_pace(
    clock: list[float], messages: Iterator[ocr_pb2.OCRRequest], rate: float
) -> Iterator[ocr_pb2.OCRRequest]:
    return paced(messages, min_bytes_per_s=rate, grace_s=60, size_of=lambda _: 100, clock=lambda: clock[0])


def test_an_upload_that_drips_is_ended_once_its_grace_is_over() -> None:
    clock = [0.0]
    messages = at_a_pace(clock, slowly(clock, *[20.0] * 30), rate=10)
    with pytest.raises(
        DeadlineExceeded, match=r"400 bytes in 80 s, less than the 10 .*min_upload_bytes_per_s"
    ):
        list(messages)
    assert clock == [80.0]


@pytest.mark.parametrize("rate", [0, 5])
def test_an_upload_that_is_fast_enough_on_average_goes_on(rate: float) -> None:
    clock = [0.0]
    assert len(list(at_a_pace(clock, slowly(clock, *[20.0] * 30), rate))) == 30
    assert len(list(at_a_pace(clock, slowly(clock, *[0.0] * 30, 300.0), 10))) == 31


def test_time_that_the_server_takes_is_not_the_caller_s() -> None:
    clock = [0.0]
    for _ in at_a_pace(clock, slowly(clock, *[1.0] * 100), rate=100):
        clock[0] += 1000


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
