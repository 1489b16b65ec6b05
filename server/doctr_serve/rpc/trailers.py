"""What a refused call carries in its trailers beside its status, and refusals that others made."""

from __future__ import annotations

import math
from typing import Self

import grpc

from doctr_serve.errors import DoctrServeError, Reported

__all__ = ["DETAILS_KEY", "RefusedElsewhereError", "error_trailers"]

DETAILS_KEY = "grpc-status-details-bin"
"""Trailer that holds the ``google.rpc.Status`` with its details (grpc_status/_common.py)."""


class RefusedElsewhereError(DoctrServeError):
    """A call that somebody else's interceptor refused, with a code of its own; its reason is the code's name."""

    @classmethod
    def found_in(cls, context: grpc.ServicerContext) -> Self | None:
        """Returns the refusal that ``context.abort`` left behind; None where the call was not aborted."""
        code = context.code()
        if not isinstance(code, grpc.StatusCode) or code is grpc.StatusCode.OK:
            return None
        details = context.details() or b""
        error = cls(details.decode(errors="replace") if isinstance(details, bytes) else details)
        error.code = error.reason = code.name
        return error


def error_trailers(error: Reported) -> tuple[tuple[str, str], ...]:
    """Returns the trailers of a refused call, for the REST edge: there they are response headers.

    ``x-error-reason`` is ``ErrorInfo.reason``, from which Envoy tells a request that is too large (413) from a
    full queue (429), both RESOURCE_EXHAUSTED; ``retry-after`` is RFC 9110's, in whole seconds.
    """
    trailers: tuple[tuple[str, str], ...] = (("x-error-reason", error.reason),)
    if error.retry_after_s is not None:
        trailers += (("retry-after", str(max(1, math.ceil(error.retry_after_s)))),)
    return trailers
