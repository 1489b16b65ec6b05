"""Sources -> request messages: one message for what is small, a stream of pieces for what is large."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from doctr_serve.v1 import ocr_pb2

from doctr_serve_client.inputs import PIECE_BYTES, DocumentSource, content_type

__all__ = ["SINGLE_MESSAGE_BYTES", "Upload", "fits_one_message", "single_message"]

SINGLE_MESSAGE_BYTES = 4 * 1024 * 1024 - 64 * 1024
"""Most document bytes sent as one message: 4 MiB, which every gRPC server accepts, less room for names."""


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


def single_message(
    options: ocr_pb2.OCRRequest, sources: Sequence[DocumentSource], password: str | None
) -> ocr_pb2.OCRRequest:
    """A copy of ``options`` with every document in it, whole."""
    request = ocr_pb2.OCRRequest()
    request.CopyFrom(options)
    for source in sources:
        document = request.documents.add()
        document.CopyFrom(_document(source, password))
        document.content = b"".join(source.pieces(PIECE_BYTES))
    return request


def _messages(
    options: ocr_pb2.OCRRequest, sources: Sequence[DocumentSource], password: str | None
) -> Iterator[ocr_pb2.OCRRequest]:
    """The options with the first piece of the first document, then piece by piece all the rest."""
    request = ocr_pb2.OCRRequest()
    request.CopyFrom(options)
    for source in sources:
        document = _document(source, password)
        for piece in source.pieces(PIECE_BYTES):
            document.content = piece
            request.documents.append(document)
            yield request
            request = ocr_pb2.OCRRequest()
            document = ocr_pb2.Document(continued=True)
        if not document.continued:  # an empty file: the server names it in its answer
            request.documents.append(document)
            yield request
            request = ocr_pb2.OCRRequest()


class Upload(Iterator[ocr_pb2.OCRRequest]):
    """The messages of one attempt at UploadDocuments, read from the sources as gRPC asks for them.

    gRPC takes them on a thread of its own, which may still be inside a read when the call has already failed.
    :meth:`stop` waits for that read, so that a second attempt never shares a file with the first.

    Attributes:
        error: what a source raised while it was read. gRPC itself only says that the call was cancelled.
    """

    def __init__(
        self, options: ocr_pb2.OCRRequest, sources: Sequence[DocumentSource], password: str | None
    ) -> None:
        self._messages = _messages(options, sources, password)
        self._lock = threading.Lock()
        self._stopped = False
        self.error: Exception | None = None

    def __next__(self) -> ocr_pb2.OCRRequest:
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
            self._messages.close()  # type: ignore[attr-defined]
