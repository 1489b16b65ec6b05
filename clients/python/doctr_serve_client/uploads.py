"""Sources -> request messages: one message for what is small, a stream of pieces for what is large."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from doctr_serve.v1 import ocr_pb2
from google.protobuf.message import Message

from doctr_serve_client.inputs import PIECE_BYTES, DocumentSource, content_type
from doctr_serve_client.options import Request

__all__ = ["SINGLE_MESSAGE_BYTES", "Upload", "fits_one_message", "single_message", "upload_method"]

SINGLE_MESSAGE_BYTES = 4 * 1024 * 1024 - 64 * 1024
"""Most document bytes sent as one message: 4 MiB, which every gRPC server accepts, less room for names."""


METHODS: Mapping[type[Message], str] = {
    ocr_pb2.OCRRequest: "UploadDocuments",
    ocr_pb2.DetectTextRequest: "DetectText",
    ocr_pb2.RecognizeTextRequest: "RecognizeText",
    ocr_pb2.ExtractFieldsRequest: "ExtractFields",
    ocr_pb2.DetectLayoutRequest: "DetectLayout",
    ocr_pb2.ExtractTablesRequest: "ExtractTables",
}


def upload_method(stub: Any, request: Message) -> Any:
    """The method of a stub that takes documents in pieces, with requests of this kind."""
    return getattr(stub, METHODS[type(request)])


def fits_one_message(sources: Sequence[DocumentSource]) -> bool:
    """Whether the documents travel in one message rather than through UploadDocuments."""
    return sum(source.size_bytes for source in sources) <= SINGLE_MESSAGE_BYTES


def _document(source: DocumentSource, password: str | None) -> ocr_pb2.Document:
    # A file name is bytes to the operating system; those that are no UTF-8 cannot travel in a proto string.
    name = source.name.encode("utf-8", "replace").decode()
    document = ocr_pb2.Document(name=name, content_type=content_type(name))
    if password is not None:
        document.pdf_password = password
    return document


def single_message(options: Request, sources: Sequence[DocumentSource], password: str | None) -> Request:
    """A copy of ``options`` with every document in it, whole."""
    request = type(options)()
    request.CopyFrom(options)
    for source in sources:
        document = request.documents.add()
        document.CopyFrom(_document(source, password))
        document.content = b"".join(source.pieces(PIECE_BYTES))
    return request


def _messages(
    options: Request, sources: Sequence[DocumentSource], password: str | None
) -> Generator[Request, None, None]:
    """The options with the first piece of the first document, then piece by piece all the rest."""
    kind = type(options)
    request = kind()
    request.CopyFrom(options)
    for source in sources:
        document = _document(source, password)
        for piece in source.pieces(PIECE_BYTES):
            document.content = piece
            request.documents.append(document)
            yield request
            request = kind()
            document = ocr_pb2.Document(continued=True)
        if not document.continued:  # an empty file: the server names it in its answer
            request.documents.append(document)
            yield request
            request = kind()


class Upload(Iterator[Request]):
    """The messages of one attempt at an upload, read from the sources as gRPC asks for them.

    gRPC takes them on a thread of its own, which may still be inside a read when the call has already failed.
    :meth:`stop` waits for that read, so that a second attempt never shares a file with the first.

    Attributes:
        error: what a source raised while it was read. gRPC itself only says that the call was cancelled.
    """

    def __init__(self, options: Request, sources: Sequence[DocumentSource], password: str | None) -> None:
        self._messages: Generator[Request, None, None] = _messages(options, sources, password)
        self._lock = threading.Lock()
        self._stopped = False
        self.error: Exception | None = None

    def __next__(self) -> Request:
        with self._lock:
            if self._stopped:
                raise StopIteration
            try:
                return next(self._messages)
            except StopIteration:
                raise
            except Exception as error:
                self.error = error
                raise

    def stop(self) -> None:
        """Ends the upload and closes its files; the next message asked for is the end."""
        with self._lock:
            self._stopped = True
            self._messages.close()
