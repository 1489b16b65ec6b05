"""Callers who open a call and never send its message must not hold the server's threads.

For a method with a unary request, grpcio waits for the message inside a pool thread, before any code of ours runs and
without a limit (grpc/_server.py, ``_unary_request``): a pool's worth of silent calls would take the server out of
service. A method with a stream of requests looks the same on the wire, and there the waiting is ours.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc

__all__ = ["SilentCallGuard", "takes_messages"]

FIRST_MESSAGE_TIMEOUT_S = 10.0
"""Time for the message of a call that is small by nature: a health check, the list of models."""

Method = TypeVar("Method", bound=Callable[..., Any])


def takes_messages(method: Method) -> Method:
    """Returns a servicer method marked to take an iterator of messages although its request is unary.

    Such a method bounds the wait for them itself.
    """
    method.takes_messages = True  # type: ignore[attr-defined]
    return method


class SilentCallGuard(grpc.ServerInterceptor):
    """Serves every method with a unary request as one with a stream of requests.

    Args:
        threads: where the small calls wait and run, apart from those that read documents.
        timeout_s: seconds that a small call may take to send its message; then it is cancelled.
    """

    def __init__(self, threads: ThreadPoolExecutor, *, timeout_s: float = FIRST_MESSAGE_TIMEOUT_S) -> None:
        self._threads = threads
        self._timeout_s = timeout_s

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Returns the method's handler with the waiting for its message bounded."""
        handler = continuation(handler_call_details)
        if handler is None or handler.request_streaming:
            return handler
        behavior = handler.unary_stream if handler.response_streaming else handler.unary_unary
        streaming = (
            grpc.stream_stream_rpc_method_handler
            if handler.response_streaming
            else grpc.stream_unary_rpc_method_handler
        )
        if not getattr(behavior, "takes_messages", False):
            behavior = self._waiting(behavior)
        return streaming(behavior, handler.request_deserializer, handler.response_serializer)

    def _waiting(self, behavior: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(behavior)  # keeps grpc's own marks, such as experimental_non_blocking
        def waiting(messages: Iterator[Any], context: grpc.ServicerContext, *rest: Any, **named: Any) -> Any:
            timer = threading.Timer(self._timeout_s, context.cancel)
            timer.daemon = True
            timer.start()
            try:
                message = next(messages, None)
            finally:
                timer.cancel()
            if message is None:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call carries no message")
            return behavior(message, context, *rest, **named)

        waiting.experimental_thread_pool = self._threads  # type: ignore[attr-defined]
        return waiting
