"""The client's errors: one tree over gRPC's codes, with what the server says in ``google.rpc`` details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc
from doctr_serve.v1 import ocr_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

__all__ = [
    "CallCancelledError",
    "DeadlineExceededError",
    "FieldViolation",
    "InvalidRequestError",
    "OCRError",
    "PageError",
    "QueueFullError",
    "RequestTooLargeError",
    "ServerError",
    "ServerUnavailableError",
    "WeightsUnavailableError",
    "from_rpc_error",
    "page_error",
]

REQUEST_ID_TRAILER = "x-request-id"
REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"


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
    """More bytes, documents or pages than the server takes in one request."""


class QueueFullError(OCRError):
    """The server is busy; ``retry_after_s`` says when to come back."""


class WeightsUnavailableError(OCRError):
    """The model is known, but its weights are not on the server."""


class ServerUnavailableError(OCRError):
    """Nobody answers at the address, or the server is starting or shutting down."""


class DeadlineExceededError(OCRError):
    """The call did not finish within ``timeout_s`` or the server's own limit."""


class CallCancelledError(OCRError):
    """The call was cancelled: its client was closed while it ran."""


class ServerError(OCRError):
    """A fault on the server's side; ``request_id`` finds it in the server's logs."""


class PageError(OCRError):
    """Pages that could not be read, while the others were.

    Attributes:
        results: every page's result, the unreadable ones (``error`` set) included.
    """

    results: Sequence[ocr_pb2.PageResult] = ()


_CLASSES: Mapping[grpc.StatusCode, type[OCRError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.FAILED_PRECONDITION: WeightsUnavailableError,
    grpc.StatusCode.UNAVAILABLE: ServerUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.CANCELLED: CallCancelledError,
}


def _error_class(code: grpc.StatusCode, retry_after_s: float | None) -> type[OCRError]:
    """RESOURCE_EXHAUSTED is two things: with RetryInfo a full queue, without it a limit (see the proto)."""
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return RequestTooLargeError if retry_after_s is None else QueueFullError
    return _CLASSES.get(code, ServerError)


@dataclass(frozen=True)
class _Details:
    """What the ``google.rpc`` details of a status say."""

    reason: str = ""
    field_violations: tuple[FieldViolation, ...] = ()
    retry_after_s: float | None = None


def _read_details(status: status_pb2.Status | None) -> _Details:
    """The details this client knows; others are passed over."""
    reason, violations, retry_after_s = "", [], None
    for detail in status.details if status is not None else ():
        info, request, retry = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(request):
            violations += [FieldViolation(each.field, each.description) for each in request.field_violations]
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
    return _Details(reason, tuple(violations), retry_after_s)


def _rich_status(error: grpc.RpcError) -> status_pb2.Status | None:
    """The ``google.rpc.Status`` of a failed call, or None where it has none that fits its code."""
    try:
        return rpc_status.from_call(error)
    except ValueError:  # a proxy replaced the code or the message and left the details of another status
        return None


def from_rpc_error(error: grpc.RpcError, *, server: str, timeout_s: float) -> OCRError:
    """The client's error for a failed call.

    Args:
        error: as raised by a grpc or grpc.aio stub.
        server: address that was called, for messages.
        timeout_s: the call's deadline in seconds, for messages.
    """
    code: grpc.StatusCode = error.code()
    status = _rich_status(error)
    details = _read_details(status)
    message = error.details() or code.name
    if status is None and code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"{server} did not finish within {timeout_s:g} s; raise timeout_s or send fewer pages"
    elif status is None and code is grpc.StatusCode.UNAVAILABLE:
        message = f"no answer from {server}: {message}"
        if "://" in server:
            message += "; the server's address is host:port, without a scheme"
    trailers = {key: value for key, value in error.trailing_metadata() or ()}
    return _error_class(code, details.retry_after_s)(
        code,
        message,
        reason=details.reason,
        field_violations=details.field_violations,
        retry_after_s=details.retry_after_s,
        request_id=trailers.get(REQUEST_ID_TRAILER),
    )


_CODES: Mapping[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def page_error(results: Sequence[ocr_pb2.PageResult]) -> PageError | None:
    """One error for every page of ``results`` that could not be read, or None when all were."""
    failed = [result for result in results if result.HasField("error")]
    if not failed:
        return None
    details = _read_details(failed[0].error)
    rest = f" (and {len(failed) - 1} more pages)" if len(failed) > 1 else ""
    error = PageError(
        _CODES.get(failed[0].error.code, grpc.StatusCode.UNKNOWN),
        f"{failed[0].error.message}{rest}",
        reason=details.reason,
        field_violations=[each for result in failed for each in _read_details(result.error).field_violations],
    )
    error.results = results
    return error
