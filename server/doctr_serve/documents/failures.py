"""What a failure of a decoder process means to the caller."""

from __future__ import annotations

import logging

from doctr_serve.documents.lease import DecoderLease
from doctr_serve.documents.pages import DocumentLimits
from doctr_serve.errors import (
    DecoderCrashedError,
    DecoderTimeoutError,
    DocumentError,
    EncryptedDocumentError,
    PageTooLargeError,
    UnreadableDocumentError,
    UnsupportedDocumentError,
)

__all__ = ["crashed", "document_error", "stalled"]

logger = logging.getLogger(__name__)

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


def crashed(document_name: str, page_number: int | None, lease: DecoderLease) -> DecoderCrashedError:
    """Returns the error of a document on which the decoder died; the lease goes on with a fresh process."""
    # The request id, which every record carries, tells whose; file names are personal and not logged.
    logger.warning("decoder_died", extra={"page_number": page_number, "how": lease.process.last_words()})
    lease.replace()
    return DecoderCrashedError(
        document_name,
        "the decoder crashed on it twice; it is damaged or needs more memory than this server allows",
        page_number=page_number,
    )


def stalled(
    document_name: str, page_number: int | None, lease: DecoderLease, limits: DocumentLimits
) -> DecoderTimeoutError:
    """Returns the error of a document that took too long; the lease goes on with a fresh process."""
    logger.warning("decoder_stalled", extra={"page_number": page_number})
    lease.replace()
    return DecoderTimeoutError(
        document_name,
        f"decoding it took longer than the {limits.page_decode_timeout_s:g} s this server allows, or the "
        "share of them that a page of its size is worth",
        page_number=page_number,
    )
