"""What a refused call carries in its trailers beside its status."""

from __future__ import annotations

import math

from doctr_serve.errors import DoctrServeError

__all__ = ["error_trailers"]


def error_trailers(error: DoctrServeError) -> tuple[tuple[str, str], ...]:
    """Returns the trailers of a refused call, for the REST edge: there they are response headers.

    ``x-error-reason`` is ``ErrorInfo.reason``, from which Envoy tells a request that is too large (413) from a
    full queue (429), both RESOURCE_EXHAUSTED; ``retry-after`` is RFC 9110's, in whole seconds.
    """
    trailers: tuple[tuple[str, str], ...] = (("x-error-reason", error.reason),)
    if error.retry_after_s is not None:
        trailers += (("retry-after", str(max(1, math.ceil(error.retry_after_s)))),)
    return trailers
