"""A failed call, or pages that could not be read -> the client's error: the one place that chooses its class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import grpc
from doctr_serve.v1 import ocr_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from doctr_serve_client.errors import (
    CallCancelledError,
    DeadlineExceededError,
    FieldViolation,
    InvalidRequestError,
    OCRError,
    PageError,
    PermissionDeniedError,
    QueueFullError,
    RequestTooLargeError,
    ServerError,
    ServerUnavailableError,
    UnauthenticatedError,
    WeightsUnavailableError,
)

__all__ = ["from_rpc_error", "page_error"]

ERROR_DOMAIN = "doctr-serve"
"""``google.rpc.ErrorInfo.domain`` of the server's own errors; a reason means something within its domain only."""
REQUEST_ID_TRAILER = "x-request-id"

_CLASS_OF_REASON: Mapping[str, type[OCRError]] = {
    "QUEUE_FULL": QueueFullError,
    "REQUEST_TOO_LARGE": RequestTooLargeError,
    "STORAGE_FULL": QueueFullError,
}
"""RESOURCE_EXHAUSTED is several things; the server's reason tells them apart."""

_CLASS_OF_CODE: Mapping[grpc.StatusCode, type[OCRError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.FAILED_PRECONDITION: WeightsUnavailableError,
    grpc.StatusCode.UNAVAILABLE: ServerUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.CANCELLED: CallCancelledError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
}

# "Received message larger than max" (C++, Go, Node), "gRPC message exceeds maximum size" (Java), "received
# metadata size exceeds hard limit", and what a proxy may say.
_SAYS_TOO_LARGE = re.compile("larger than|exceeds maximum size|size exceeds|too large", re.IGNORECASE)


@dataclass(frozen=True)
class _Details:
    """What the ``google.rpc`` details of a status say."""

    reason: str = ""
    domain: str = ""
    field_violations: tuple[FieldViolation, ...] = ()
    retry_after_s: float | None = None


def _read_details(status: status_pb2.Status | None) -> _Details:
    """The details this client knows; others, and damaged ones, are passed over."""
    reason, domain, violations, retry_after_s = "", "", [], None
    for detail in status.details if status is not None else ():
        info, request, retry = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
        with suppress(DecodeError):
            if detail.Unpack(info):
                reason, domain = info.reason, info.domain
            elif detail.Unpack(request):
                found = request.field_violations
                violations += [FieldViolation(each.field, each.description) for each in found]
            elif detail.Unpack(retry):
                delay = retry.retry_delay
                retry_after_s = max(0.0, delay.seconds + delay.nanos / 1e9)
    return _Details(reason, domain, tuple(violations), retry_after_s)


def _error_class(code: grpc.StatusCode, details: _Details, message: str) -> type[OCRError]:
    # The code's own name as the reason: somebody's interceptor in the server refused the call, and gave none.
    ours = details.domain == ERROR_DOMAIN and details.reason != code.name
    if ours and details.reason in _CLASS_OF_REASON:
        return _CLASS_OF_REASON[details.reason]
    if code is not grpc.StatusCode.RESOURCE_EXHAUSTED:
        return _CLASS_OF_CODE.get(code, ServerError)
    if details.retry_after_s is not None:
        return QueueFullError
    # Without RetryInfo: our server, of a later version, says by that itself that a retry is no help (see the proto).
    # Of the others, gRPC refuses a message by its size, and all else is a limit on how much is done at a time: of
    # the server's open calls ("Concurrent RPC limit exceeded!"), or a proxy's rate (its 429).
    return RequestTooLargeError if ours or _SAYS_TOO_LARGE.search(message) else QueueFullError


def _rich_status(error: grpc.RpcError) -> status_pb2.Status | None:
    """The ``google.rpc.Status`` of a failed call, or None where it has none that fits its code."""
    try:
        return rpc_status.from_call(error)
    except (ValueError, DecodeError):
        # A proxy replaced the code or the message and left the details of another status, or cut them short.
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
    kind = _error_class(code, details, message)
    if status is None and code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"{server} did not finish within {timeout_s:g} s; raise timeout_s or send fewer pages"
    elif status is None and code is grpc.StatusCode.UNAVAILABLE:
        message = f"no answer from {server}: {message}"
        if ":" not in server:
            message += "; the address has no port, for which gRPC takes 443"
    trailers = {key: value for key, value in error.trailing_metadata() or ()}
    return kind(
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
