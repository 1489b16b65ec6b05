"""How much a request brings: the bytes of its documents, and everything around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doctr_serve.errors import RequestTooLargeError

if TYPE_CHECKING:
    from doctr_serve.rpc.intake.uploads import UploadMessage
    from doctr_serve.settings import Settings

__all__ = ["RequestVolume"]

MIB = 1024 * 1024

PIECE_COST_BYTES = 64
"""What a message, and each document or piece in it, counts on top of its bytes: handling it costs time too."""


class RequestVolume:
    """Counts what arrives of one request.

    The documents' bytes and what surrounds them have limits of their own: a document of exactly
    ``max_request_bytes`` is accepted however it is cut, as long as its pieces are not absurdly small.

    Args:
        settings: ``max_request_bytes`` and ``max_documents``.
    """

    def __init__(self, settings: Settings) -> None:
        self._max_content_bytes = settings.max_request_bytes
        self._max_around_bytes = settings.max_request_bytes // 8 + MIB
        self._max_documents = settings.max_documents
        self._content_bytes = 0
        self._around_bytes = 0

    def take(self, message: UploadMessage) -> None:
        """Counts a message, before anything is made of it.

        Raises:
            RequestTooLargeError: the request has become too large.
        """
        count = len(message.documents)
        # One more than there may be documents: the message may also end the document that the one before it began.
        if count > self._max_documents + 1:
            raise RequestTooLargeError(
                f"a message has {count} documents or pieces of documents; a request may have {self._max_documents} "
                "documents: send several requests, or ask the operator to raise max_documents",
                field="documents",
            )
        content_bytes = sum(len(document.content) for document in message.documents)
        self._content_bytes += content_bytes
        if self._content_bytes > self._max_content_bytes:
            raise RequestTooLargeError(
                f"the documents are larger than {self._max_content_bytes} bytes; send fewer or smaller ones per request"
            )
        # A form counts its own bytes; its document types and boundaries are part of them.
        form_bytes = len(message.body.data) if message.HasField("body") else 0
        self._around_bytes += message.ByteSize() - content_bytes - form_bytes + PIECE_COST_BYTES * (1 + count)
        if self._around_bytes > self._max_around_bytes:
            raise RequestTooLargeError(
                f"what comes with the documents, names and the frames of their pieces, is larger than "
                f"{self._max_around_bytes} bytes; send pieces of 64 KiB or more, and none without content"
            )
