"""An error of ours -> ``google.rpc.Status`` with its details: the one place that does it."""

from __future__ import annotations

import math

from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from doctr_serve.errors import DoctrServeError

__all__ = ["ERROR_DOMAIN", "error_trailers", "to_status"]

ERROR_DOMAIN = "doctr-serve"
"""``google.rpc.ErrorInfo.domain`` of every error."""


def to_status(error: DoctrServeError) -> status_pb2.Status:
    """Returns the status of an error.

    Its details hold ``ErrorInfo`` always, ``BadRequest`` where a field is at fault, and ``RetryInfo`` where a later
    call may succeed.
    """
    status = status_pb2.Status(code=code_pb2.Code.Value(error.code), message=error.message)
    details: list[message.Message] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN)]
    if error.field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.message)
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


def error_trailers(error: DoctrServeError) -> tuple[tuple[str, str], ...]:
    """Returns the trailers of a refused call, for the REST edge: there they are response headers.

    ``x-error-reason`` is ``ErrorInfo.reason``, from which Envoy tells a request that is too large (413) from a
    full queue (429), both RESOURCE_EXHAUSTED; ``retry-after`` is RFC 9110's, in whole seconds.
    """
    trailers: tuple[tuple[str, str], ...] = (("x-error-reason", error.reason),)
    if error.retry_after_s is not None:
        trailers += (("retry-after", str(max(1, math.ceil(error.retry_after_s)))),)
    return trailers
