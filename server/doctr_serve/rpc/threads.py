"""The server's threads, a pool for each group of methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from doctr_serve.rpc.methods import ThreadGroup

__all__ = ["CALL_THREADS", "GroupedThreads"]

Result = TypeVar("Result")

CALL_THREADS: ContextVar[ThreadGroup] = ContextVar("CALL_THREADS", default=ThreadGroup.DOCUMENTS)
"""The group of the call at hand; set while its handler is looked up."""


class GroupedThreads(Executor):
    """What grpc runs calls on: each on the threads of its method's group.

    grpc looks a call's handler up, and runs it, in one ``contextvars`` context per call (grpc/_server.py,
    ``_RPCState.context``), so that what an interceptor sets there tells the group here. Its own way, an attribute
    ``experimental_thread_pool`` on the handler's function, is lost as soon as another interceptor wraps the function.

    Args:
        sizes: threads per group.
    """

    def __init__(self, sizes: Mapping[ThreadGroup, int]) -> None:
        self._pools = {
            group: ThreadPoolExecutor(size, thread_name_prefix=f"rpc-{group}")
            for group, size in sizes.items()
        }

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Runs ``fn``, a call's ``context.run``, on the threads of the call's group."""
        context = getattr(fn, "__self__", None)
        group = context.get(CALL_THREADS) if isinstance(context, Context) else None
        return self._pools[group or ThreadGroup.DOCUMENTS].submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the threads."""
        for pool in self._pools.values():
            pool.shutdown(wait, cancel_futures=cancel_futures)
