"""UploadDocuments' messages -> documents: a browser's form in pieces, or documents in pieces."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from doctr_serve.common.interrupt import POLL_INTERVAL_S, Interrupt
from doctr_serve.documents import SourceDocument
from doctr_serve.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    NoDocumentsError,
    RequestTooLargeError,
)
from doctr_serve.rpc.intake.forms import FormReader, Spool

if TYPE_CHECKING:
    from doctr_serve.settings import Settings
    from doctr_serve.v1 import ocr_pb2

__all__ = ["documents_of", "interruptible", "receive_upload"]

_END = object()


def documents_of(request: ocr_pb2.OCRRequest, *, max_bytes: int) -> list[SourceDocument]:
    """Returns the documents of a request that holds them whole.

    Raises:
        NoDocumentsError: there are none.
        InvalidRequestError: a form body, or a continued document, which only UploadDocuments takes.
        RequestTooLargeError: more than ``max_bytes`` of content.
    """
    if request.HasField("body"):
        raise InvalidRequestError("body is for UploadDocuments; set documents instead", field="body")
    if any(document.continued for document in request.documents):
        raise InvalidRequestError("continued documents are for UploadDocuments", field="documents")
    if not request.documents:
        raise NoDocumentsError(
            "the request has no documents; set at least one in documents", field="documents"
        )
    _check_size(sum(len(document.content) for document in request.documents), max_bytes)
    return [
        SourceDocument(_name(document.name, number), document.content, document.pdf_password)
        for number, document in enumerate(request.documents, start=1)
    ]


def receive_upload(
    first: ocr_pb2.OCRRequest, rest: Iterator[ocr_pb2.OCRRequest], settings: Settings, stack: ExitStack
) -> list[SourceDocument]:
    """Returns the documents of an upload, once all of it has arrived.

    Args:
        first: the first message; decides between a form (``body``) and documents.
        rest: the messages after it.
        settings: the limits.
        stack: temporary files live until it closes.

    Raises:
        NoDocumentsError: the upload ended without one.
        InvalidRequestError: a malformed form, or messages out of order.
        RequestTooLargeError: more bytes or documents than the limits allow; raised as soon as they arrive.
    """
    if not first.HasField("body"):
        return _receive_documents(first, _only("documents", rest), settings, stack)
    if first.documents:
        raise InvalidRequestError(
            "an upload is either a form in body, or documents; not both", field="documents"
        )
    return _receive_form(first, _only("body", rest), settings, stack)


def interruptible(
    messages: Iterator[ocr_pb2.OCRRequest], interrupt: Interrupt, *, idle_timeout_s: float = math.inf
) -> Iterator[ocr_pb2.OCRRequest]:
    """Yields the messages; unlike grpc's own iterator it stops when a caller stalls.

    Args:
        messages: grpc's iterator.
        interrupt: the request's stop signal.
        idle_timeout_s: longest time until the next message.

    Raises:
        DeadlineExceededError: the deadline passed, or no message came for ``idle_timeout_s``.
        RequestCancelledError: the caller is gone.
    """
    received: queue.Queue[object] = queue.Queue(maxsize=4)
    threading.Thread(
        target=_forward, args=(messages, received, interrupt), daemon=True, name="upload"
    ).start()
    last_message_at = time.monotonic()
    while True:
        try:
            message = received.get(timeout=POLL_INTERVAL_S)
        except queue.Empty:
            interrupt.check()
            if time.monotonic() - last_message_at > idle_timeout_s:
                raise DeadlineExceededError(
                    f"nothing of the request arrived for {idle_timeout_s:g} s; send it faster, in smaller messages, "
                    "or ask the operator to raise upload_idle_timeout_s"
                ) from None
            continue
        if message is _END:
            interrupt.check()
            return
        yield message  # type: ignore[misc]
        last_message_at = time.monotonic()


def _only(accepted: str, messages: Iterator[ocr_pb2.OCRRequest]) -> Iterator[ocr_pb2.OCRRequest]:
    """Yields the messages; what would be ignored in them is refused instead."""
    for message in messages:
        for field, _ in message.ListFields():
            if field.name != accepted:
                raise InvalidRequestError(
                    f"{field.name} came too late: after an upload's first message, messages carry {accepted} only",
                    field=field.name,
                )
        yield message


def _forward(
    messages: Iterator[ocr_pb2.OCRRequest], received: queue.Queue[object], interrupt: Interrupt
) -> None:
    try:
        for message in messages:
            _put(received, message, interrupt)
    except Exception:
        # grpc's iterator raises a bare exception when the call ended early; interrupt.check() names the reason.
        interrupt.cancel()
    finally:
        _put(received, _END, interrupt)


def _put(received: queue.Queue[object], item: object, interrupt: Interrupt) -> None:
    while True:
        try:
            return received.put(item, timeout=POLL_INTERVAL_S)
        except queue.Full:
            try:
                interrupt.check()
            except Exception:
                return  # nobody reads the queue any more


def _receive_form(
    first: ocr_pb2.OCRRequest, rest: Iterator[ocr_pb2.OCRRequest], settings: Settings, stack: ExitStack
) -> list[SourceDocument]:
    form = stack.enter_context(
        FormReader(
            first.body.content_type,
            max_bytes=settings.max_request_bytes,
            max_documents=settings.max_documents,
            spool_memory_bytes=settings.spool_memory_bytes,
        )
    )
    form.feed(first.body.data)
    for message in rest:
        form.feed(message.body.data)
    return form.finish()


def _receive_documents(
    first: ocr_pb2.OCRRequest, rest: Iterator[ocr_pb2.OCRRequest], settings: Settings, stack: ExitStack
) -> list[SourceDocument]:
    directory = Path(stack.enter_context(TemporaryDirectory(prefix="doctr-serve-")))
    heads: list[ocr_pb2.Document] = []
    spools: list[Spool] = []
    received_bytes = 0
    for message in _chain(first, rest):
        for document in message.documents:
            received_bytes += len(document.content)
            _check_size(received_bytes, settings.max_request_bytes)
            if not document.continued:
                if len(spools) == settings.max_documents:
                    raise RequestTooLargeError(
                        f"more than {settings.max_documents} documents; send fewer per request",
                        field="documents",
                    )
                heads.append(_head(document))
                spools.append(Spool(settings.spool_memory_bytes, directory))
            elif not spools:
                raise InvalidRequestError(
                    "the first document of an upload cannot be continued", field="documents"
                )
            spools[-1].write(document.content)
    if not spools:
        raise NoDocumentsError(
            "the upload has no documents; set at least one in documents", field="documents"
        )
    return [
        SourceDocument(_name(head.name, number), spool.content(), head.pdf_password)
        for number, (head, spool) in enumerate(zip(heads, spools, strict=True), start=1)
    ]


def _chain(first: ocr_pb2.OCRRequest, rest: Iterator[ocr_pb2.OCRRequest]) -> Iterator[ocr_pb2.OCRRequest]:
    yield first
    yield from rest


def _head(document: ocr_pb2.Document) -> ocr_pb2.Document:
    """Returns the document without its content, so that the piece can be freed."""
    return type(document)(name=document.name, pdf_password=document.pdf_password)


def _check_size(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise RequestTooLargeError(
            f"the documents are larger than {max_bytes} bytes; send fewer or smaller ones per request"
        )


def _name(name: str, number: int) -> str:
    return name or f"document-{number}"
