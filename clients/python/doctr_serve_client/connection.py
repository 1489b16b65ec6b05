"""Channels and readiness: what the sync and the asyncio client share below their calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from doctr_serve.v1 import ocr_pb2
from grpc_health.v1 import health_pb2

from doctr_serve_client.errors import ServerUnavailableError

__all__ = [
    "DEFAULT_SERVER",
    "DEFAULT_TIMEOUT_S",
    "HEALTH_POLL_INTERVAL_S",
    "HEALTH_REQUEST",
    "ChannelOptions",
    "check_address",
    "health_problem",
    "not_ready_error",
    "open_aio_channel",
    "open_channel",
]

DEFAULT_SERVER = "localhost:50051"
DEFAULT_TIMEOUT_S = 600.0
"""The server's own default limit (its setting ``request_timeout_s``)."""

MAX_RECEIVE_BYTES = 256 * 1024 * 1024
"""Largest answer of ReadDocuments; gRPC's default of 4 MiB holds about 30 dense pages."""

KEEPALIVE_INTERVAL_MS = 60_000

HEALTH_POLL_INTERVAL_S = 0.2
HEALTH_REQUEST = health_pb2.HealthCheckRequest(
    service=ocr_pb2.DESCRIPTOR.services_by_name["OCRService"].full_name
)

ChannelOptions = Sequence[tuple[str, Any]]


URL_SCHEMES = ("http", "https", "grpc", "grpcs")


def check_address(server: str) -> None:
    """Refuses what gRPC would only try in vain, as a name to look up.

    Raises:
        ValueError: no address at all, or a URL; gRPC's own schemes (``dns:///``, ``unix:``) are none.
    """
    scheme, separator, rest = server.partition("://")
    if separator and scheme.lower() in URL_SCHEMES:
        host = rest.partition("/")[0] or "host:port"
        tls = "; TLS is asked for by itself" if scheme.lower() in ("https", "grpcs") else ""
        raise ValueError(
            f"the server's address is host:port, without a scheme: {host!r}, not {server!r}{tls}"
        )
    if not server:
        raise ValueError("the server's address is empty; it is host:port")


def _channel_options(extra: ChannelOptions) -> list[tuple[str, Any]]:
    """GRPC channel arguments; those of ``extra`` win."""
    defaults: dict[str, Any] = {
        "grpc.max_receive_message_length": MAX_RECEIVE_BYTES,
        # A slow page is silent for a while, and a dead peer must still be noticed. A server that was not told
        # otherwise takes pings more often than every 5 minutes for abuse and ends the connection
        # (too_many_pings, gRPC proposal A8); ours is told to allow them.
        "grpc.keepalive_time_ms": KEEPALIVE_INTERVAL_MS,
        "grpc.keepalive_timeout_ms": 20_000,
        # gRPC's default waits up to 2 minutes between connection attempts; a restarted server is back sooner.
        "grpc.initial_reconnect_backoff_ms": 250,
        "grpc.max_reconnect_backoff_ms": 2_000,
    }
    return list((defaults | dict(extra)).items())


def open_channel(
    server: str, credentials: grpc.ChannelCredentials | None, extra: ChannelOptions
) -> grpc.Channel:
    """A channel to ``server``: TLS with ``credentials``, plaintext without."""
    options = _channel_options(extra)
    if credentials is None:
        return grpc.insecure_channel(server, options)
    return grpc.secure_channel(server, credentials, options)


def open_aio_channel(
    server: str, credentials: grpc.ChannelCredentials | None, extra: ChannelOptions
) -> grpc.aio.Channel:
    """The same for asyncio; to be called inside the event loop that uses the channel."""
    options = _channel_options(extra)
    if credentials is None:
        return grpc.aio.insecure_channel(server, options)
    return grpc.aio.secure_channel(server, credentials, options)


def health_problem(outcome: health_pb2.HealthCheckResponse | grpc.RpcError) -> str | None:
    """Why the server is not ready yet, or None when it is.

    Raises:
        grpc.RpcError: an answer that waiting does not change, such as a server without a health service.
    """
    if isinstance(outcome, health_pb2.HealthCheckResponse):
        serving = outcome.status == health_pb2.HealthCheckResponse.SERVING
        return None if serving else health_pb2.HealthCheckResponse.ServingStatus.Name(outcome.status)
    # NOT_FOUND: the health service was not told about OCRService yet (gRPC health checking protocol).
    # RESOURCE_EXHAUSTED: as many calls are open as the server, or a proxy, allows.
    if outcome.code() in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ):
        return f"{outcome.code().name}: {outcome.details()}"
    raise outcome


def not_ready_error(server: str, timeout_s: float, problem: str) -> ServerUnavailableError:
    """The error of a wait that took too long."""
    return ServerUnavailableError(
        grpc.StatusCode.UNAVAILABLE, f"{server} was not ready within {timeout_s:g} s: {problem}"
    )
