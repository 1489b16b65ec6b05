"""One RPC: its id, its stop signal, its place in the queue, its log line and its errors' way out."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import grpc
import structlog
from grpc_status import rpc_status

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing
from doctr_serve.errors import (
    DeadlineExceeded,
    DoctrServeError,
    InternalError,
    Reported,
    RequestCancelled,
    StopSignal,
)
from doctr_serve.formats.status import to_status
from doctr_serve.reading import RequestContext
from doctr_serve.rpc.methods import Method
from doctr_serve.rpc.trailers import DETAILS_KEY, RefusedElsewhereError, error_trailers

__all__ = ["REQUEST_ID_KEY", "Call", "current_call"]

REQUEST_ID_KEY = "x-request-id"
"""Metadata key: read from the caller, returned as a trailer and, with the first message, as a header."""
VALID_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
OVERTIME_S = 2.0
"""Seconds past its deadline after which a call is cut off: it waits for a caller who reads no more messages."""

_CURRENT: ContextVar[Call] = ContextVar("CURRENT_CALL")

logger = structlog.get_logger("doctr_serve.call")


def current_call() -> Call:
    """Returns the call that the running method answers."""
    return _CURRENT.get()


class Call:
    """The server's side of one RPC.

    Args:
        context: grpc's context of the RPC.
        method: its row in the method table.
        request_timeout_s: longest time for the RPC; the caller's own deadline holds when it is shorter.
        send_timeout_s: longest time for one message of the answer to be taken; then the call ends.
        caller: whose it is, for a fair order.
    """

    def __init__(
        self,
        context: grpc.ServicerContext,
        method: Method,
        *,
        request_timeout_s: float,
        send_timeout_s: float,
        caller: str = "",
    ) -> None:
        self._grpc = context
        self._send_timeout_s = send_timeout_s
        self._method = method
        self._headers_sent = False
        self._is_unread = False
        self.request_id = _request_id(context)
        self.started = time.monotonic()
        self.pages = 0
        self.failed_pages = 0
        remaining_s = context.time_remaining()
        self.interrupt = Interrupt(
            request_timeout_s if remaining_s is None else min(remaining_s, request_timeout_s)
        )
        self.context = RequestContext(self.interrupt, self.request_id, Standing(caller))
        """The request, as the core knows it."""
        context.set_trailing_metadata(((REQUEST_ID_KEY, self.request_id),))
        if not context.add_callback(self.interrupt.cancel):
            self.interrupt.cancel()

    def send_headers(self) -> None:
        """Sends the response headers, once.

        Not before the first message: an error before it must be able to set the HTTP status.
        """
        if self._headers_sent:
            return
        self._headers_sent = True
        try:
            self._grpc.send_initial_metadata(((REQUEST_ID_KEY, self.request_id),))
        except grpc.RpcError as error:  # grpc's way to say that the caller is gone (grpc/_server.py)
            raise RequestCancelled("the caller cancelled the request") from error

    @contextmanager
    def answer(self, *, stays_open: bool = False) -> Iterator[None]:
        """Runs the body of an RPC; turns what it raises into the RPC's status, and logs one line.

        Args:
            stays_open: whether the RPC goes on after the block, as one does that answers through a callback.
        """
        _CURRENT.set(self)
        with structlog.contextvars.bound_contextvars(request_id=self.request_id, method=self._method.name):
            code = "OK"
            try:
                self.interrupt.check()  # a call that is over before it begins starts no thread
                with self._cut_off_at_the_deadline():
                    yield
            except RequestCancelled as stop:
                code = stop.code
                self._grpc.cancel()
                self._grpc.abort(grpc.StatusCode.CANCELLED, stop.message)  # ends the handler; nothing is sent
            except (DoctrServeError, StopSignal) as error:
                code = error.code
                self._abort(error)
            except GeneratorExit:
                # grpc closes the response generator when the caller went away between two messages.
                has_time = self.interrupt.remaining_s() != 0 and not self._is_unread
                code = (RequestCancelled if has_time else DeadlineExceeded).code
                raise
            except Exception as error:
                refusal = RefusedElsewhereError.found_in(self._grpc) or self._internal_error(error)
                code = refusal.code
                self._abort(refusal)
            finally:
                self._log(code)
                if not stays_open:
                    self._bound_the_end()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Cancels the call where what is sent in the block is not taken in time: its caller does not read.

        No status could reach the caller, who would have to read what comes before it; the log has DEADLINE_EXCEEDED.
        """
        with _timer(self._send_timeout_s, self._give_up_sending):
            yield

    def _give_up_sending(self) -> None:
        self._is_unread = True
        self._grpc.cancel()

    def _bound_the_end(self) -> None:
        """Cancels the call where the end of its answer is not taken in time."""
        timer = threading.Timer(self._send_timeout_s, self._grpc.cancel)
        timer.daemon = True
        if self._grpc.add_callback(timer.cancel):  # a timer that is cancelled before its start ends with it
            timer.start()

    @contextmanager
    def _cut_off_at_the_deadline(self) -> Iterator[None]:
        """Cancels the call when it outlives its deadline.

        The body notices a deadline between its steps, but not while grpc waits for a caller who reads no further
        messages: without this such a caller would keep its place, and a drain waiting, for good.
        """
        with _timer((self.interrupt.remaining_s() or 0) + OVERTIME_S, self._grpc.cancel):
            yield

    def _internal_error(self, error: Exception) -> InternalError:
        logger.error("call_failed", exc_info=error)
        return InternalError(f"the server failed; report it with the request id {self.request_id}")

    def _abort(self, error: Reported) -> None:
        status = rpc_status.to_status(to_status(error))
        # abort_with_status replaces the trailers that were set before (grpc/_server.py, _Context.abort_with_status).
        theirs = [entry for entry in self._grpc.trailing_metadata() or () if entry[0] != REQUEST_ID_KEY]
        ours = [
            entry
            for entry in (*status.trailing_metadata, *error_trailers(error))
            if entry[0] != DETAILS_KEY or DETAILS_KEY not in dict(theirs)
        ]
        trailers = (*theirs, *ours, (REQUEST_ID_KEY, self.request_id))
        self._grpc.abort_with_status(status._replace(trailing_metadata=trailers))

    def _log(self, code: str) -> None:
        if self._method.is_logged or code == InternalError.code:
            logger.info(
                "call",
                code=code,
                pages=self.pages,
                failed_pages=self.failed_pages,
                duration_s=round(time.monotonic() - self.started, 4),
            )


@contextmanager
def _timer(seconds: float, action: Callable[[], object]) -> Iterator[None]:
    """Does something unless the block ends before."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _request_id(context: grpc.ServicerContext) -> str:
    given = dict(context.invocation_metadata()).get(REQUEST_ID_KEY, "")
    return given if isinstance(given, str) and VALID_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
