"""Why a decoder process could not do what it was asked; what crosses the channel instead of an exception."""

from __future__ import annotations

from doctr_serve.errors import (
    DecoderCrashedError,
    DocumentError,
    EncryptedDocumentError,
    PageTooLargeError,
    UnreadableDocumentError,
    UnsupportedDocumentError,
)

__all__ = ["DecodeFailure", "document_error"]

_ERRORS: dict[str, type[DocumentError]] = {
    "encrypted": EncryptedDocumentError,
    "memory": DecoderCrashedError,
    "too_large": PageTooLargeError,
    "unreadable": UnreadableDocumentError,
    "unsupported": UnsupportedDocumentError,
}


class DecodeFailure(Exception):
    """Raised inside a decoder process.

    Attributes:
        kind: ``encrypted``, ``memory``, ``too_large``, ``unreadable`` or ``unsupported``.
        problem: one sentence for the caller, without the file's name; nothing internal.
    """

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem


def document_error(
    kind: str, problem: str, document_name: str, page_number: int | None = None
) -> DocumentError:
    """Returns the error of the server's tree that a failure of a decoder process means."""
    error = _ERRORS.get(kind, UnreadableDocumentError)
    return error(document_name, problem, page_number=page_number)
