"""Messages that are small on the wire and large in memory, or large for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc

from benchmarks.harness import page_jpeg
from benchmarks.hostile.attack import Run, Target, attack
from benchmarks.hostile.calls import at_once, document, own_channel, raw_call

MESSAGE_BYTES = Settings().max_message_bytes
"""The server's limit by default."""
EMPTY_DOCUMENT = b"\xf2\x01\x00"
EMPTY_BODY_EXTENSION = b"\xfa\x01\x02\x1a\x00"
"""A ``body`` with one empty extension: both messages."""


def _one(target: Target, method: str, message: bytes) -> Run:
    return raw_call(target, method, lambda: [message])


@attack("documents-11m")
def _documents_11m(target: Target) -> Run:
    """11 million empty documents in one message, eight times as large as a message may be."""
    return _one(target, "StreamPages", EMPTY_DOCUMENT * 11_000_000)


@attack("documents-limit")
def _documents_limit(target: Target) -> Run:
    """As many empty documents as fit into a message."""
    return _one(target, "StreamPages", EMPTY_DOCUMENT * (MESSAGE_BYTES // 3))


@attack("documents-limit-x16")
def _documents_limit_16(target: Target) -> Run:
    """The same sixteen times at once, as uploads."""
    return at_once(16, _one(target, "UploadDocuments", EMPTY_DOCUMENT * (MESSAGE_BYTES // 3)))


@attack("bodies-limit")
def _bodies_limit(target: Target) -> Run:
    """As many form bodies, each with an empty extension, as fit into a message."""
    return _one(target, "UploadDocuments", EMPTY_BODY_EXTENSION * (MESSAGE_BYTES // 5))


@attack("unknown-fields")
def _unknown_fields(target: Target) -> Run:
    """As many unknown fields as fit into a model list's request."""
    return _one(target, "ListModels", b"\x08\x01" * (MESSAGE_BYTES // 2 - 1))


@attack("long-name")
def _long_name(target: Target) -> Run:
    """A document's name of 4 MB."""
    named = ocr_pb2.OCRRequest(documents=[document("n" * (MESSAGE_BYTES - 1000), b"x")])
    return _one(target, "ReadDocuments", named.SerializeToString())


@attack("long-name-wide")
def _long_name_wide(target: Target) -> Run:
    """A document's name of 4 MB that Python keeps in four bytes a character."""
    named = ocr_pb2.OCRRequest(documents=[document("n" * (MESSAGE_BYTES - 1000) + "\U0001f600", b"x")])
    return _one(target, "ReadDocuments", named.SerializeToString())


@attack("long-pages")
def _long_pages(target: Target) -> Run:
    """``pages`` of 6 MB, a range for every four characters."""
    request = ocr_pb2.OCRRequest(pages="1-9," * 1_500_000 + "1", documents=[document("p", b"%PDF-1.7")])
    return _one(target, "StreamPages", request.SerializeToString())


@attack("long-model")
def _long_model(target: Target) -> Run:
    """A model's name of 4 MB."""
    request = ocr_pb2.OCRRequest(detection_model="m" * (MESSAGE_BYTES - 1000))
    return _one(target, "UploadDocuments", request.SerializeToString())


@attack("empty-pieces")
def _empty_pieces(target: Target) -> Run:
    """Pieces without content, one message each, without end."""
    first = ocr_pb2.OCRRequest(documents=[document("a.pdf", b"%PDF-1.7")]).SerializeToString()
    piece = ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(continued=True)]).SerializeToString()

    def endless() -> Iterator[bytes]:
        yield first
        while True:
            yield piece

    return raw_call(target, "UploadDocuments", endless)


@attack("empty-messages")
def _empty_messages(target: Target) -> Run:
    """Messages without anything, without end, after the one that a unary call takes."""
    first = ocr_pb2.OCRRequest(documents=[document("a.jpg", page_jpeg(3))]).SerializeToString()

    def endless() -> Iterator[bytes]:
        yield first
        while True:
            yield b""

    return raw_call(target, "StreamPages", endless)


@attack("cancelled-unary")
def _cancelled_unary(target: Target) -> Run:
    """30 unary calls with messages of 4 MB that are cancelled at once."""
    content = page_jpeg(3)
    padded = document("padded.jpg", content + bytes(MESSAGE_BYTES - len(content) - 1000))
    request = ocr_pb2.OCRRequest(documents=[padded])

    def run(limit_s: float) -> str:
        with own_channel(target) as channel:
            stub = ocr_pb2_grpc.OCRServiceStub(channel)
            calls = [stub.ReadDocuments.future(request, timeout=limit_s) for _ in range(30)]
            _wait_for_first(calls)
            for call in calls:
                call.cancel()
        return "cancelled"

    return run


def _wait_for_first(calls: list[grpc.Future]) -> None:
    """Half a second: what was sent has arrived, little of it is read."""
    try:
        calls[0].exception(timeout=0.5)
    except grpc.FutureTimeoutError:
        return
