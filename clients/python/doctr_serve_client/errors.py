"""The client's errors: one tree over gRPC's codes, with what the server says in ``google.rpc`` details."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from doctr_serve.v1 import ocr_pb2

__all__ = [
    "CallCancelledError",
    "DeadlineExceededError",
    "FieldViolation",
    "InvalidRequestError",
    "OCRError",
    "PageError",
    "PermissionDeniedError",
    "QueueFullError",
    "RequestTooLargeError",
    "ServerError",
    "ServerUnavailableError",
    "UnauthenticatedError",
    "WeightsUnavailableError",
]


@dataclass(frozen=True)
class FieldViolation:
    """One thing that is wrong with a request.

    Attributes:
        field: the option's or the file's name.
        description: what is wrong with it, and what would be accepted.
    """

    field: str
    description: str


class OCRError(Exception):
    """Base of every error of a call.

    Attributes:
        code: gRPC status code.
        message: what went wrong and what to do, for people.
        reason: stable UPPER_SNAKE_CASE identifier (``google.rpc.ErrorInfo.reason``); empty when the server,
            or what stands before it, sent none.
        field_violations: the options and files at fault (``google.rpc.BadRequest``).
        retry_after_s: seconds after which the same call may succeed (``google.rpc.RetryInfo``), or None.
        request_id: the call's id in the server's logs (trailer ``x-request-id``), or None.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        field_violations: Sequence[FieldViolation] = (),
        retry_after_s: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.field_violations = tuple(field_violations)
        self.retry_after_s = retry_after_s
        self.request_id = request_id

    def __str__(self) -> str:
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.code.name}: {self.message}{request}"


class InvalidRequestError(OCRError):
    """An option, a model name or a file is wrong; the same request will always fail."""


class RequestTooLargeError(OCRError):
    """More bytes, documents or pages than the server takes in one request; a retry is no help."""


class QueueFullError(OCRError):
    """The server, or a proxy before it, cannot take the call now; ``retry_after_s`` may say when to come back.

    ``reason`` tells a full queue (QUEUE_FULL) from a full disk (STORAGE_FULL); it is empty where gRPC or a proxy
    limits the calls.
    """


class WeightsUnavailableError(OCRError):
    """The model is known, but its weights are not on the server."""


class ServerUnavailableError(OCRError):
    """Nobody answers at the address, or the server is starting or shutting down."""


class UnauthenticatedError(OCRError):
    """The caller did not say who it is, or not in a way that is believed; see the client's ``metadata``."""


class PermissionDeniedError(OCRError):
    """The caller is known, and may not do this."""


class DeadlineExceededError(OCRError):
    """The call did not finish within ``timeout_s`` or the server's own limit."""


class CallCancelledError(OCRError):
    """The call was cancelled: its client was closed while it ran."""


class ServerError(OCRError):
    """A fault on the server's side, or a code without a class here; ``request_id`` finds it in the logs."""


class PageError(OCRError):
    """Pages that could not be read, while the others were.

    Attributes:
        results: every page's result, the unreadable ones (``error`` set) included.
    """

    results: Sequence[ocr_pb2.PageResult] = ()
