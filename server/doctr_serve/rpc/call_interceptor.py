"""The one way in: every call, whatever its method, is taken here before anything else sees it.

For a method with a unary request, grpcio waits for the message inside a pool thread, before any code of ours runs and
without a limit (grpc/_server.py, ``_unary_request``): a pool's worth of silent calls would take the server out of
service. A method with a stream of requests looks the same on the wire, and there the waiting is ours. So every method
is served as one that streams its requests; what is further in, other interceptors and the servicer, sees its own kind.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from itertools import islice
from typing import Any

import grpc

from doctr_serve.errors import DoctrServeError, InvalidRequestError
from doctr_serve.reading import RequestContext
from doctr_serve.reading.arrivals import Arrival
from doctr_serve.rpc.call import Call
from doctr_serve.rpc.caller import Network, caller_of, parse_networks
from doctr_serve.rpc.intake.incoming import interruptible
from doctr_serve.rpc.intake.wire import checked, max_fields_for
from doctr_serve.rpc.methods import Method, method_of
from doctr_serve.rpc.open_calls import OpenCalls
from doctr_serve.rpc.threads import CALL_THREADS
from doctr_serve.settings import Settings

__all__ = ["CallInterceptor"]

Continuation = Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None]
Arriving = Callable[[RequestContext], AbstractContextManager[Arrival]]


class CallInterceptor(grpc.ServerInterceptor):
    """Gives each call its id, its deadline, its place, its log line and its threads; bounds the wait for its messages.

    It stands first, so that what the interceptors after it refuse, by raising an error of ours or by
    ``context.abort``, comes out like any other error.

    Args:
        settings: the limits on time and on what one message may hold.
        arrival: lets a request arrive, and then gives it one of the bounded places of requests in flight.
        open_calls: counts the calls that read documents.
    """

    def __init__(self, settings: Settings, arrival: Arriving, open_calls: OpenCalls) -> None:
        self._settings = settings
        self._arrival = arrival
        self._open_calls = open_calls
        self._trusted_proxies = parse_networks(settings.trusted_proxies)

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """Returns the method's handler, behind everything that calls share."""
        refusal: DoctrServeError | None = None
        try:
            handler = continuation(handler_call_details)
        except DoctrServeError as error:  # grpc would answer UNKNOWN, and log a traceback
            refusal, handler = error, grpc.unary_unary_rpc_method_handler(_unreachable)
        if handler is None:
            return None
        method = method_of(handler_call_details.method, streams_requests=handler.request_streaming)
        CALL_THREADS.set(method.threads)
        return _TakenCalls(
            handler, method, self._settings, self._arrival, self._open_calls, refusal, self._trusted_proxies
        ).handler()


class _TakenCalls:
    """The calls of one method, on their way to its handler."""

    def __init__(
        self,
        handler: grpc.RpcMethodHandler,
        method: Method,
        settings: Settings,
        arrival: Arriving,
        open_calls: OpenCalls,
        refusal: DoctrServeError | None,
        trusted_proxies: Sequence[Network],
    ) -> None:
        self._handler = handler
        self._method = method
        self._settings = settings
        self._open_calls = open_calls
        # One that streams its requests has arrived when its method says so, and takes its place there.
        arrives_here = method.reads_documents and not handler.request_streaming and refusal is None
        self._arrival: Arriving = arrival if arrives_here else _without_place
        self._refusal = refusal
        self._trusted_proxies = trusted_proxies

    def handler(self) -> grpc.RpcMethodHandler:
        """Returns the handler for grpc: one that streams its requests."""
        serializers = (
            checked(
                self._handler.request_deserializer,
                max_fields=max_fields_for(self._settings.max_documents),
            ),
            self._handler.response_serializer,
        )
        if not self._handler.response_streaming:
            return grpc.stream_unary_rpc_method_handler(self._respond, *serializers)
        behavior = self._handler.unary_stream or self._handler.stream_stream
        if getattr(behavior, "experimental_non_blocking", False):
            # grpc's own mark, which health's Watch has: it answers through a callback and holds no thread.
            responding = functools.partial(self._respond_later)
            responding.experimental_non_blocking = True  # type: ignore[attr-defined]
            return grpc.stream_stream_rpc_method_handler(responding, *serializers)
        return grpc.stream_stream_rpc_method_handler(self._respond_one_by_one, *serializers)

    def _respond(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
        call = self._call(context)
        behavior = self._handler.unary_unary or self._handler.stream_unary
        with call.answer(), ExitStack() as stack:
            response = behavior(self._arrived(messages, call, stack), context)
            call.send_headers()
            return response

    def _respond_one_by_one(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        call = self._call(context)
        behavior = self._handler.unary_stream or self._handler.stream_stream
        with call.answer(), ExitStack() as stack:
            responses = behavior(self._arrived(messages, call, stack), context)
            stack.enter_context(closing(responses))
            for response in responses:
                call.send_headers()
                with call.sending():
                    yield response

    def _respond_later(
        self, messages: Iterator[Any], context: grpc.ServicerContext, send: Callable[[Any], None]
    ) -> None:
        call = self._call(context)
        with call.answer(stays_open=True):
            self._handler.unary_stream(self._request(messages, call), context, send)

    def _call(self, context: grpc.ServicerContext) -> Call:
        if self._method.reads_documents:
            self._open_calls.add(context)
        return Call(
            context,
            self._method,
            request_timeout_s=self._settings.request_timeout_s,
            send_timeout_s=self._settings.send_timeout_s,
            caller=caller_of(context, self._trusted_proxies),
        )

    def _arrived(self, messages: Iterator[Any], call: Call, stack: ExitStack) -> Any:
        """Returns what the handler is given; its place is held by the stack, and a call that sends nothing has none."""
        with self._arrival(call.context) as arrival:
            request = self._request(messages, call)
            stack.enter_context(arrival.place())
        return request

    def _request(self, messages: Iterator[Any], call: Call) -> Any:
        """Returns what the handler is given: a bounded iterator of messages, or the one message."""
        if self._refusal is not None:
            raise self._refusal
        timeout_s = self._method.message_timeout_s or self._settings.upload_idle_timeout_s
        if self._handler.request_streaming:
            return interruptible(messages, call.interrupt, idle_timeout_s=timeout_s)
        # One message and no more: what a caller sends after it is never taken off the wire.
        message = next(interruptible(islice(messages, 1), call.interrupt, idle_timeout_s=timeout_s), None)
        if message is None:
            raise InvalidRequestError("the call carries no message; send exactly one")
        return message


@contextmanager
def _without_place(context: RequestContext) -> Iterator[Arrival]:
    yield Arrival(context.interrupt, nullcontext, 0.0)


def _unreachable(request: Any, context: grpc.ServicerContext) -> Any:
    raise AssertionError("a refused call has no handler")
