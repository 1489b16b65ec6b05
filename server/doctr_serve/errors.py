"""Every error a caller can see: one tree, each class with its gRPC code and what to do next.

The code is the canonical status name as a string, so that this module, and the OCR code that raises from it,
need no grpc. ``doctr_serve.formats.status`` turns an error into a ``google.rpc.Status``; no other place maps codes.
"""

from __future__ import annotations

__all__ = [
    "DeadlineExceeded",
    "DecoderCrashedError",
    "DecoderTimeoutError",
    "DoctrServeError",
    "DocumentError",
    "EncryptedDocumentError",
    "GaveWay",
    "InternalError",
    "InvalidOptionError",
    "InvalidRequestError",
    "NoDocumentsError",
    "NotReadyError",
    "PageShapeError",
    "PageTooLargeError",
    "PermissionDeniedError",
    "QueueFullError",
    "Reported",
    "RequestCancelled",
    "RequestTooLargeError",
    "ShuttingDownError",
    "StopSignal",
    "StorageFullError",
    "TooManyWordsError",
    "UnauthenticatedError",
    "UnknownModelError",
    "UnreadableDocumentError",
    "UnsupportedDocumentError",
    "WeightsDownloadError",
    "WeightsUnavailableError",
]


class Reported:
    """What a caller is told: mixed into the errors and the stop signals below.

    Attributes:
        code: canonical gRPC status name, e.g. ``"INVALID_ARGUMENT"``.
        reason: stable UPPER_SNAKE_CASE identifier for programs (``google.rpc.ErrorInfo.reason``).
        message: what went wrong and what to do next, for people.
        field: the option, file or page at fault (``google.rpc.BadRequest.FieldViolation.field``), or None.
        retry_after_s: seconds after which the same call may succeed, or None where a retry is no help.
    """

    code = "UNKNOWN"
    reason = "UNKNOWN"

    def __init__(self, message: str, *, field: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)  # type: ignore[call-arg]  # the exception that it is mixed into
        self.message = message
        self.field = field
        self.retry_after_s = retry_after_s


class DoctrServeError(Reported, Exception):
    """Base of every error that reaches a caller."""


class StopSignal(Reported, BaseException):
    """Base of what ends a request's work from outside: its caller, or its deadline.

    No ``Exception``, as ``asyncio.CancelledError`` is none: a handler that answers for a page's failure must not
    swallow the end of the request.
    """


class InvalidRequestError(DoctrServeError):
    """The request itself is wrong; the same request will always fail."""

    code = "INVALID_ARGUMENT"
    reason = "INVALID_REQUEST"


class InvalidOptionError(InvalidRequestError):
    """An option has a value it cannot have; ``field`` is the option's name."""

    reason = "INVALID_OPTION"


class UnknownModelError(InvalidOptionError):
    """A model name that the catalog does not know; the message lists what would be accepted."""

    reason = "UNKNOWN_MODEL"


class NoDocumentsError(InvalidRequestError):
    """The request carries no document."""

    reason = "NO_DOCUMENTS"


class DocumentError(InvalidRequestError):
    """A document, or one page of it, cannot be read.

    Attributes:
        document_name: the file's name.
        page_number: 1-based page, or None when the whole document is at fault.
    """

    reason = "BAD_DOCUMENT"

    def __init__(self, document_name: str, problem: str, *, page_number: int | None = None) -> None:
        where = f"'{document_name}'" if page_number is None else f"'{document_name}', page {page_number}"
        super().__init__(f"{where}: {problem}", field=document_name)
        self.document_name = document_name
        self.page_number = page_number


class UnsupportedDocumentError(DocumentError):
    """The content is of no format the server reads."""

    reason = "UNSUPPORTED_DOCUMENT"


class UnreadableDocumentError(DocumentError):
    """The format is known, but the content is damaged."""

    reason = "UNREADABLE_DOCUMENT"


class EncryptedDocumentError(DocumentError):
    """An encrypted PDF without its password, or with a wrong one."""

    reason = "ENCRYPTED_DOCUMENT"


class PageTooLargeError(DocumentError):
    """A page has more pixels than the server decodes."""

    reason = "PAGE_TOO_LARGE"


class PageShapeError(DocumentError):
    """A page is too long, or too narrow for its length."""

    reason = "PAGE_SHAPE"


class TooManyWordsError(DocumentError):
    """A page has more words than the server reads of one."""

    reason = "TOO_MANY_WORDS"


class DecoderCrashedError(DocumentError):
    """The isolated decoder died on this document; the server itself is not affected."""

    reason = "DECODER_CRASHED"


class DecoderTimeoutError(DocumentError):
    """The isolated decoder took longer for a page than the server allows."""

    reason = "DECODER_TIMEOUT"


class RequestTooLargeError(DoctrServeError):
    """More bytes, documents or pages than one request may have."""

    code = "RESOURCE_EXHAUSTED"
    reason = "REQUEST_TOO_LARGE"


class QueueFullError(DoctrServeError):
    """More requests in flight than the server queues; come back after ``retry_after_s``."""

    code = "RESOURCE_EXHAUSTED"
    reason = "QUEUE_FULL"


class StorageFullError(DoctrServeError):
    """The server has no room to store an upload until it is read; come back after ``retry_after_s``."""

    code = "RESOURCE_EXHAUSTED"
    reason = "STORAGE_FULL"


class WeightsUnavailableError(DoctrServeError):
    """A known model whose weights are not on the server; the message holds the command that fetches them."""

    code = "FAILED_PRECONDITION"
    reason = "WEIGHTS_UNAVAILABLE"


class WeightsDownloadError(WeightsUnavailableError):
    """Weights that were to be downloaded did not arrive; the message says why and what helps."""

    reason = "WEIGHTS_DOWNLOAD_FAILED"


class NotReadyError(DoctrServeError):
    """The server is still loading its models."""

    code = "UNAVAILABLE"
    reason = "NOT_READY"


class ShuttingDownError(DoctrServeError):
    """The server is draining: calls in flight finish, new ones are refused."""

    code = "UNAVAILABLE"
    reason = "SHUTTING_DOWN"


class UnauthenticatedError(DoctrServeError):
    """The caller did not say who it is, or not in a way the server believes."""

    code = "UNAUTHENTICATED"
    reason = "UNAUTHENTICATED"


class PermissionDeniedError(DoctrServeError):
    """The caller is known, and may not do this."""

    code = "PERMISSION_DENIED"
    reason = "PERMISSION_DENIED"


class DeadlineExceeded(StopSignal):
    """The caller's deadline or the server's own limit passed."""

    code = "DEADLINE_EXCEEDED"
    reason = "DEADLINE_EXCEEDED"


class GaveWay(StopSignal):
    """The request arrived so slowly that it had to make room for others; come back after ``retry_after_s``."""

    code = "RESOURCE_EXHAUSTED"
    reason = "QUEUE_FULL"


class RequestCancelled(StopSignal):
    """The caller went away; nobody reads this error, it stops the work."""

    code = "CANCELLED"
    reason = "CANCELLED"


class InternalError(DoctrServeError):
    """A fault of the server. The message names the request id to look for in the logs, nothing internal."""

    code = "INTERNAL"
    reason = "INTERNAL"
