"""Who may run a forward pass, and when: one place decides how the cores are shared."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Barrier
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.runtimes import Runtime

__all__ = ["ForwardScheduler"]


class ForwardScheduler:
    """Runs forward passes first come, first served, slice by slice, on threads of its own.

    Dedicated threads, since each thread that enters an OpenMP region gets a thread team of its own: forwards
    run from the request threads would keep one team each, and together oversubscribe the cores.

    Args:
        runtime: runs a batch.
        concurrent_forwards: forward passes that run at the same time.
    """

    def __init__(self, runtime: Runtime, *, concurrent_forwards: int = 1) -> None:
        self._runtime = runtime
        self._executor = ThreadPoolExecutor(
            concurrent_forwards, thread_name_prefix="forward", initializer=runtime.enter_thread
        )
        # Threads are started now, before there is a request: what a runtime sets when one of them enters may be
        # visible to others for a moment. The executor starts one for a task only while none of its threads is idle.
        started = Barrier(concurrent_forwards)
        wait([self._executor.submit(started.wait) for _ in range(concurrent_forwards)])

    def run(self, handle: Any, batch: NDArray[np.float32], interrupt: Interrupt) -> list[NDArray[np.float32]]:
        """Runs a batch through a model, in its turn.

        A batch is cut into slices that take their turns one by one: a large batch holds up nobody for longer than a
        slice, and a request that is stopped leaves the rest undone.

        Args:
            handle: the runtime's handle of the model.
            batch: normalised images, (N, 3, H, W).
            interrupt: the request's stop signal.

        Returns:
            The raw outputs of the slices, in order; together they are the batch's.

        Raises:
            RequestCancelled: cancelled while it waited, or while a slice ran.
            DeadlineExceeded: the deadline passed, likewise.
        """
        size = self._slice_size(batch)
        return [
            self._run_slice(handle, batch[start : start + size], interrupt)
            for start in range(0, len(batch), size)
        ]

    def close(self) -> None:
        """Drops forwards that have not begun and returns when the running ones have ended."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _slice_size(self, batch: NDArray[np.float32]) -> int:
        pixels = self._runtime.max_forward_pixels
        height, width = batch.shape[-2:]
        return max(1, len(batch) if pixels is None else pixels // (height * width))

    def _run_slice(
        self, handle: Any, images: NDArray[np.float32], interrupt: Interrupt
    ) -> NDArray[np.float32]:
        interrupt.check()
        future: Future[NDArray[np.float32]] = self._executor.submit(self._runtime.run, handle, images)
        try:
            interrupt.wait(lambda seconds: wait([future], seconds).done)
        except BaseException:
            future.cancel()
            raise
        return future.result()
