"""Messages -> documents: those that hold their documents whole, and an upload's, which bring them in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import chain
from typing import TYPE_CHECKING

from doctr_serve.documents import DocumentQuota, SourceDocument
from doctr_serve.errors import InvalidRequestError, RequestTooLargeError
from doctr_serve.rpc.intake.forms import FormReader
from doctr_serve.rpc.intake.spool import Spool

if TYPE_CHECKING:
    from doctr_serve.settings import Settings
    from doctr_serve.v1 import ocr_pb2

__all__ = ["documents_of", "receive_upload"]


def documents_of(request: ocr_pb2.OCRRequest, settings: Settings) -> list[SourceDocument]:
    """Returns the documents of a request that holds them whole.

    Raises:
        NoDocumentsError: there are none.
        InvalidRequestError: a form body, or a continued document, which only UploadDocuments takes.
        RequestTooLargeError: more documents, or more bytes of them, than the limits allow.
    """
    if request.HasField("body"):
        raise InvalidRequestError("body is for UploadDocuments; set documents instead", field="body")
    quota = DocumentQuota(settings.max_documents)
    quota.take(len(request.documents))
    quota.check_not_empty()
    if any(document.continued for document in request.documents):
        raise InvalidRequestError("continued documents are for UploadDocuments", field="documents")
    _check_size(sum(len(document.content) for document in request.documents), settings)
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
    quota = DocumentQuota(settings.max_documents)
    heads: list[ocr_pb2.Document] = []
    spools: list[Spool] = []
    received_bytes = 0
    for message in chain([first], rest):
        for document in message.documents:
            received_bytes += len(document.content)
            _check_size(received_bytes, settings)
            if not document.continued:
                quota.take()
                heads.append(_head(document))
                spools.append(stack.enter_context(closing(Spool(settings.spool_memory_bytes))))
            elif not spools:
                raise InvalidRequestError(
                    "the first document of an upload cannot be continued", field="documents"
                )
            spools[-1].write(document.content)
    quota.check_not_empty()
    return [
        SourceDocument(_name(head.name, number), spool.content(), head.pdf_password)
        for number, (head, spool) in enumerate(zip(heads, spools, strict=True), start=1)
    ]


def _head(document: ocr_pb2.Document) -> ocr_pb2.Document:
    """Returns the document without its content, so that the piece can be freed."""
    return type(document)(name=document.name, pdf_password=document.pdf_password)


def _check_size(size_bytes: int, settings: Settings) -> None:
    if size_bytes > settings.max_request_bytes:
        raise RequestTooLargeError(
            f"the documents are larger than {settings.max_request_bytes} bytes; send fewer or smaller ones per "
            "request"
        )


def _name(name: str, number: int) -> str:
    return name or f"document-{number}"
