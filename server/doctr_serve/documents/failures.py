"""What a failure of a decoder process means to the caller."""

from __future__ import annotations

from doctr_serve.errors import (
    DecoderCrashedError,
    DocumentError,
    EncryptedDocumentError,
    PageTooLargeError,
    UnreadableDocumentError,
    UnsupportedDocumentError,
)

__all__ = ["document_error"]

_ERRORS: dict[str, type[DocumentError]] = {
    "encrypted": EncryptedDocumentError,
    "memory": DecoderCrashedError,
    "too_large": PageTooLargeError,
    "unreadable": UnreadableDocumentError,
    "unsupported": UnsupportedDocumentError,
}


def document_error(
    kind: str, problem: str, document_name: str, page_number: int | None = None
) -> DocumentError:
    """Returns the error of the server's tree that a ``DecodeFailure`` of this kind means."""
    error = _ERRORS.get(kind, UnreadableDocumentError)
    return error(document_name, problem, page_number=page_number)
