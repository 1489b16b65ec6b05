"""A call's messages, taken so that neither a silent nor a cancelled caller holds a thread."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import DeadlineExceeded, StopSignal
from doctr_serve.rpc.intake.wire import RefusedMessage

__all__ = ["interruptible", "paced"]

Message = TypeVar("Message")

MESSAGES_AHEAD = 4
"""Messages taken from grpc before they are asked for."""

_END = object()


def interruptible(
    messages: Iterator[Message], interrupt: Interrupt, *, idle_timeout_s: float = math.inf
) -> Iterator[Message]:
    """Yields the messages; unlike grpc's own iterator it stops when a caller stalls.

    Args:
        messages: grpc's iterator.
        interrupt: the request's stop signal.
        idle_timeout_s: longest time until the next message.

    Raises:
        DeadlineExceeded: the deadline passed, or no message came for ``idle_timeout_s``.
        RequestCancelled: the caller is gone.
        DoctrServeError: a message was refused before it was parsed; see :func:`wire.checked`.
    """
    received: queue.Queue[object] = queue.Queue(maxsize=MESSAGES_AHEAD)
    threading.Thread(
        target=_forward, args=(messages, received, interrupt), daemon=True, name="upload"
    ).start()
    while (message := _take(received, interrupt, idle_timeout_s)) is not _END:
        if isinstance(message, RefusedMessage):
            raise message.error
        yield message  # type: ignore[misc]
        del message  # or a caller's largest message stays until its next one comes
    interrupt.check()


def paced(
    messages: Iterator[Message],
    *,
    min_bytes_per_s: float,
    grace_s: float,
    size_of: Callable[[Message], int],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Message]:
    """Yields the messages of an upload as long as they come fast enough.

    Only the time that was spent waiting for the caller counts, so that a server that is slow to take them up blames
    nobody for it. A pause is :func:`interruptible`'s to bound; here it counts once the next message has come.

    Args:
        messages: the messages, as :func:`interruptible` yields them.
        min_bytes_per_s: slowest rate, on average over the whole upload; 0 for no limit.
        grace_s: seconds of waiting before which no upload is too slow.
        size_of: bytes of a message.
        clock: seconds that only ever grow.

    Raises:
        DeadlineExceeded: they come too slowly.
    """
    waited_s, received_bytes = 0.0, 0
    while True:
        asked = clock()
        try:
            message = next(messages)
        except StopIteration:
            return
        waited_s += clock() - asked
        received_bytes += size_of(message)
        if waited_s > grace_s and received_bytes < waited_s * min_bytes_per_s:
            raise DeadlineExceeded(
                f"the upload brought {received_bytes} bytes in {waited_s:.3g} s, less than the "
                f"{min_bytes_per_s:g} bytes per second that this server waits for; send it faster, or ask the "
                "operator to lower min_upload_bytes_per_s"
            )
        yield message
        del message


def _take(received: queue.Queue[object], interrupt: Interrupt, idle_timeout_s: float) -> object:
    taken: list[object] = []

    def take(timeout_s: float) -> bool:
        try:
            taken.append(received.get(timeout=timeout_s))
        except queue.Empty:
            return False
        return True

    if not interrupt.wait(take, timeout_s=idle_timeout_s):
        raise DeadlineExceeded(
            f"nothing of the request arrived for {idle_timeout_s:g} s; send it faster, in smaller messages, "
            "or ask the operator to raise upload_idle_timeout_s"
        )
    return taken.pop()


def _forward(messages: Iterator[Message], received: queue.Queue[object], interrupt: Interrupt) -> None:
    try:
        for message in messages:
            if not _put(received, message, interrupt):
                return
    except Exception:
        # grpc's iterator raises a bare exception when the call ended early; interrupt.check() names the reason.
        interrupt.cancel()
    _put(received, _END, interrupt)


def _put(received: queue.Queue[object], item: object, interrupt: Interrupt) -> bool:
    """Returns whether the item was taken up; not once nobody reads the queue any more."""

    def put(timeout_s: float) -> bool:
        try:
            received.put(item, timeout=timeout_s)
        except queue.Full:
            return False
        return True

    try:
        return interrupt.wait(put)
    except StopSignal:
        return False
