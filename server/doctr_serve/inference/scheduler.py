"""Who may run a forward pass, and when: one place decides how the cores are shared."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

from doctr_serve.common.interrupt import POLL_INTERVAL_S, Interrupt

__all__ = ["ForwardScheduler"]

Result = TypeVar("Result")


class ForwardScheduler:
    """Runs forward passes first come, first served, on threads of its own.

    Dedicated threads, since each thread that enters an OpenMP region gets a thread team of its own: forwards
    run from the request threads would keep one team each, and together oversubscribe the cores.

    Args:
        concurrent_forwards: forward passes that run at the same time.
        intra_op_threads: threads of one forward pass.
    """

    def __init__(self, *, concurrent_forwards: int = 1, intra_op_threads: int = 1) -> None:
        torch.set_num_threads(intra_op_threads)
        self._executor = ThreadPoolExecutor(concurrent_forwards, thread_name_prefix="forward")

    def run(self, forward: Callable[[], Result], interrupt: Interrupt) -> Result:
        """Returns what ``forward`` returns, once its turn has come.

        Raises:
            RequestCancelledError: cancelled while it waited, or while the forward ran.
            DeadlineExceededError: the deadline passed, likewise.
        """
        interrupt.check()
        future = self._executor.submit(_inference, forward)
        # Not future.result(timeout): a forward's own TimeoutError would look like one of the waiting.
        while not wait([future], timeout=POLL_INTERVAL_S).done:
            self._give_up_if_interrupted(future, interrupt)
        return future.result()

    def close(self) -> None:
        """Drops forwards that have not begun and returns when the running ones have ended."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    @staticmethod
    def _give_up_if_interrupted(future: Future[Result], interrupt: Interrupt) -> None:
        try:
            interrupt.check()
        except BaseException:
            future.cancel()
            raise


def _inference(forward: Callable[[], Result]) -> Result:
    # Inference mode is a property of the thread, so it must be entered here, not in the request's thread.
    with torch.inference_mode():
        return forward()
