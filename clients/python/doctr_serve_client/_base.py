"""What both clients hold."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from doctr_serve_client.connection import DEFAULT_SERVER, DEFAULT_TIMEOUT_S, ChannelOptions, check_address
from doctr_serve_client.errors import OCRError
from doctr_serve_client.failures import from_rpc_error
from doctr_serve_client.retry import Deadline

__all__ = ["ClientBase"]


class ClientBase:
    """Where a client calls, and how long and how often it tries.

    Args:
        server: host and port, or any gRPC target (``dns:///ocr.internal:50051``).
        timeout_s: seconds a call may take, retries included, where the call does not say otherwise.
        max_attempts: attempts of a call that fails because the server is unavailable or its queue is full.
        credentials: TLS (``grpc.ssl_channel_credentials()``); plaintext without.
        metadata: sent with every call, e.g. ``[("authorization", "Bearer ...")]``.
        channel_options: gRPC channel arguments, over the client's own.

    Raises:
        ValueError: a URL in place of an address, or a timeout or a number of attempts that is not positive.
    """

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        max_attempts: int = 5,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        channel_options: ChannelOptions = (),
    ) -> None:
        check_address(server)
        Deadline(timeout_s)  # refuses a bad timeout here rather than in every call
        if max_attempts < 1:
            raise ValueError(f"max_attempts must be at least 1, not {max_attempts!r}")
        self.server = server
        self.timeout_s = timeout_s
        self.max_attempts = max_attempts
        self._credentials = credentials
        self._metadata = tuple(metadata)
        self._channel_options = tuple(channel_options)
        self._connect()

    def _connect(self) -> None:
        """Prepares the channel."""
        raise NotImplementedError

    def _deadline(self, timeout_s: float | None) -> Deadline:
        return Deadline(self.timeout_s if timeout_s is None else timeout_s)

    def _error(self, error: grpc.RpcError, deadline: Deadline) -> OCRError:
        return from_rpc_error(error, server=self.server, timeout_s=deadline.timeout_s)
