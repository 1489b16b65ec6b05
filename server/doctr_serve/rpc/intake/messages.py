"""Messages -> documents: those that hold their documents whole, and an upload's, which bring them in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import chain
from typing import TYPE_CHECKING

from doctr_serve.documents import DocumentQuota, SourceDocument
from doctr_serve.errors import InvalidRequestError
from doctr_serve.rpc.intake.forms import FormReader
from doctr_serve.rpc.intake.incoming import paced
from doctr_serve.rpc.intake.limits import check_name, check_password
from doctr_serve.rpc.intake.spool import Spool, SpoolMemory
from doctr_serve.rpc.intake.volume import RequestVolume

if TYPE_CHECKING:
    from doctr_serve.rpc.intake.uploads import UploadMessage
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
    quota.take(len(request.documents))  # before any of them is looked at: each becomes an object by that
    quota.check_not_empty()
    if any(document.continued for document in request.documents):
        raise InvalidRequestError("continued documents are for UploadDocuments", field="documents")
    RequestVolume(settings).take(request)
    return [
        SourceDocument(_name(document, number), document.content, _password(document, number))
        for number, document in enumerate(request.documents, start=1)
    ]


def receive_upload(
    first: UploadMessage,
    rest: Iterator[UploadMessage],
    settings: Settings,
    memory: SpoolMemory,
    stack: ExitStack,
) -> list[SourceDocument]:
    """Returns the documents of an upload, once all of it has arrived.

    Args:
        first: the first message; decides between a form (``body``) and documents.
        rest: the messages after it.
        settings: the limits.
        memory: what the server's uploads share.
        stack: what was uploaded lives until it closes.

    Raises:
        NoDocumentsError: the upload ended without one.
        InvalidRequestError: a malformed form, messages out of order, or a name or password that is too long.
        RequestTooLargeError: more bytes or documents than the limits allow; raised as soon as they arrive.
        StorageFullError: no room for temporary files.
        DeadlineExceeded: it comes more slowly than ``min_upload_bytes_per_s``.
    """
    is_form = first.HasField("body")
    later = _only("body" if is_form else "documents", rest)
    messages = _counted(_in_time(chain([first], later), settings), settings)
    if not is_form:
        return _receive_documents(messages, settings, memory, stack)
    if first.documents:
        raise InvalidRequestError(
            "an upload is either a form in body, or documents; not both", field="documents"
        )
    return _receive_form(first.body.content_type, messages, settings, memory, stack)


def _in_time(messages: Iterator[UploadMessage], settings: Settings) -> Iterator[UploadMessage]:
    return paced(
        messages,
        min_bytes_per_s=settings.min_upload_bytes_per_s,
        grace_s=settings.upload_idle_timeout_s,
        size_of=lambda message: message.ByteSize(),
    )


def _counted(messages: Iterator[UploadMessage], settings: Settings) -> Iterator[UploadMessage]:
    volume = RequestVolume(settings)
    for message in messages:
        volume.take(message)
        yield message
        del message  # or it stays until the next one comes


def _only(accepted: str, messages: Iterator[UploadMessage]) -> Iterator[UploadMessage]:
    """Yields the messages; what would be ignored in them is refused instead."""
    for message in messages:
        for field, _ in message.ListFields():
            if field.name != accepted:
                raise InvalidRequestError(
                    f"{field.name} came too late: after an upload's first message, messages carry {accepted} only",
                    field=field.name,
                )
        yield message
        del message


def _receive_form(
    content_type: str,
    messages: Iterator[UploadMessage],
    settings: Settings,
    memory: SpoolMemory,
    stack: ExitStack,
) -> list[SourceDocument]:
    form = stack.enter_context(
        FormReader(
            content_type,
            max_bytes=settings.max_request_bytes,
            max_documents=settings.max_documents,
            memory=memory,
        )
    )
    for message in messages:
        form.feed(message.body.data)
        del message
    return form.finish()


def _receive_documents(
    messages: Iterator[UploadMessage], settings: Settings, memory: SpoolMemory, stack: ExitStack
) -> list[SourceDocument]:
    quota = DocumentQuota(settings.max_documents)
    heads: list[tuple[str, str]] = []
    spools: list[Spool] = []
    for message in messages:
        for document in message.documents:
            if not document.continued:
                quota.take()
                number = len(heads) + 1
                heads.append((_name(document, number), _password(document, number)))
                spools.append(stack.enter_context(closing(Spool(memory))))
            elif not spools:
                raise InvalidRequestError(
                    "the first document of an upload cannot be continued", field="documents"
                )
            spools[-1].write(document.content)
            del document
        del message
    quota.check_not_empty()
    return [
        SourceDocument(name, spool.content(), password)
        for (name, password), spool in zip(heads, spools, strict=True)
    ]


def _name(document: ocr_pb2.Document, number: int) -> str:
    check_name(document.name, number, field="documents")
    return document.name or f"document-{number}"


def _password(document: ocr_pb2.Document, number: int) -> str:
    check_password(document.pdf_password, _name(document, number))
    return document.pdf_password
