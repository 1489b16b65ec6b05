"""An error of ours -> ``google.rpc.Status`` with its details: the one place that does it."""

from __future__ import annotations

from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from doctr_serve.errors import Reported

__all__ = ["ERROR_DOMAIN", "to_status"]

ERROR_DOMAIN = "doctr-serve"
"""``google.rpc.ErrorInfo.domain`` of every error."""
MAX_MESSAGE_BYTES = 1024
"""A status travels as headers, its message three times over; grpc takes 8 KiB of them (grpc.max_metadata_size)."""
MAX_FIELD_BYTES = 256


def to_status(error: Reported) -> status_pb2.Status:
    """Returns the status of an error.

    Its details hold ``ErrorInfo`` always, ``BadRequest`` where a field is at fault, and ``RetryInfo`` where a later
    call may succeed. What the caller sent, such as a file's name, is cut short where it is quoted.
    """
    text = _shortened(error.message, MAX_MESSAGE_BYTES)
    status = status_pb2.Status(code=code_pb2.Code.Value(error.code), message=text)
    details: list[message.Message] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN)]
    if error.field is not None:
        field = _shortened(error.field, MAX_FIELD_BYTES)
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=text)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if error.retry_after_s is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(error.retry_after_s * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _shortened(text: str, max_bytes: int) -> str:
    """Returns the text, its middle left out where its UTF-8 form has more than ``max_bytes``."""
    encoded = text.encode()
    if len(encoded) <= max_bytes:
        return text
    half = (max_bytes - len("…".encode())) // 2
    return f"{encoded[:half].decode(errors='ignore')}…{encoded[-half:].decode(errors='ignore')}"
