"""Who may run a forward pass, and when: one place decides how the cores are shared."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doctr_serve.common.fair_queue import FairQueue
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing
from doctr_serve.inference.runtimes import Runtime

__all__ = ["ForwardScheduler"]

Output = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Slice:
    """A part of a batch that waits for its forward."""

    handle: Any
    images: NDArray[np.float32]
    output: Future[Output] = field(default_factory=Future)
    asked_at: float = field(default_factory=time.monotonic)

    @property
    def pixels(self) -> int:
        count, _, height, width = self.images.shape
        return count * height * width

    def may_join(self, other: _Slice) -> bool:
        return self.handle is other.handle and self.images.shape[1:] == other.images.shape[1:]


class ForwardScheduler:
    """Runs forward passes slice by slice, fairly (see :class:`FairQueue`), on threads of its own.

    Small slices of several requests for the same model share a forward. An idle scheduler waits for nothing.

    Dedicated threads, since each thread that enters an OpenMP region gets a thread team of its own: forwards
    run from the request threads would keep one team each, and together oversubscribe the cores.

    Args:
        runtime: runs a batch.
        concurrent_forwards: forward passes that run at the same time.
        batch_wait_s: longest time that a slice waits for others to share its forward.
    """

    def __init__(self, runtime: Runtime, *, concurrent_forwards: int = 1, batch_wait_s: float = 0) -> None:
        self._runtime = runtime
        self._batch_wait_s = batch_wait_s
        self._queue: FairQueue[_Slice] = FairQueue()
        self._changed = threading.Condition()
        self._is_closed = False
        # Threads are started now, before there is a request: what a runtime sets when one of them enters may be
        # visible to others for a moment.
        entered = Barrier(concurrent_forwards + 1)
        self._threads = [
            threading.Thread(target=self._work, args=(entered,), name=f"forward_{number}", daemon=True)
            for number in range(concurrent_forwards)
        ]
        for thread in self._threads:
            thread.start()
        entered.wait()

    def run(
        self,
        handle: Any,
        batch: NDArray[np.float32],
        interrupt: Interrupt,
        standing: Standing | None = None,
    ) -> list[Output]:
        """Runs a batch through a model, in its turn.

        A batch is cut into slices that take their turns one by one: a large batch holds up nobody for longer than a
        slice, and a request that is stopped leaves the rest undone.

        Args:
            handle: the runtime's handle of the model.
            batch: normalised images, (N, 3, H, W).
            interrupt: the request's stop signal.
            standing: of the request; without, one of its own.

        Returns:
            The raw outputs of the slices, in order; together they are the batch's.

        Raises:
            RequestCancelled: cancelled while it waited, or while a slice ran.
            DeadlineExceeded: the deadline passed, likewise.
        """
        size = self._slice_size(batch)
        standing = standing or Standing()
        return [
            self._run_slice(_Slice(handle, batch[start : start + size]), interrupt, standing)
            for start in range(0, len(batch), size)
        ]

    def close(self) -> None:
        """Drops forwards that have not begun and returns when the running ones have ended."""
        with self._changed:
            self._is_closed = True
            while (dropped := self._queue.pop()) is not None:
                dropped.output.cancel()
                dropped.output.set_running_or_notify_cancel()  # or who waits for it would not be told
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _slice_size(self, batch: NDArray[np.float32]) -> int:
        pixels = self._runtime.max_forward_pixels
        height, width = batch.shape[-2:]
        return max(1, len(batch) if pixels is None else pixels // (height * width))

    def _run_slice(self, part: _Slice, interrupt: Interrupt, standing: Standing) -> Output:
        interrupt.check()
        with self._changed:
            if self._is_closed:
                raise CancelledError
            number = self._queue.push(part, standing, cost=part.pixels)
            self._changed.notify_all()
        try:
            interrupt.wait(lambda seconds: wait([part.output], seconds).done)
        except BaseException:
            part.output.cancel()
            raise
        finally:
            with self._changed:
                self._queue.remove(number)
        return part.output.result()

    def _work(self, entered: Barrier) -> None:
        self._runtime.enter_thread()
        entered.wait()
        while (parts := self._next()) is not None:
            self._forward([part for part in parts if part.output.set_running_or_notify_cancel()])
            del parts  # their pixels

    def _next(self) -> list[_Slice] | None:
        """Waits for work and takes the slices of one forward; None when the scheduler is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._queue))
            first = self._queue.pop()
            if first is None:
                return None
            parts = [first]
            until = first.asked_at + self._batch_wait_s
            while not self._is_closed:
                self._fill(parts)
                wait_s = until - time.monotonic()
                if wait_s <= 0 or _pixels(parts) >= self._runtime.shared_forward_pixels:
                    break
                self._changed.wait(wait_s)
            return parts

    def _fill(self, parts: list[_Slice]) -> None:
        """Adds slices of others that may join, while the forward is no larger than one is worth sharing."""
        bound = self._runtime.shared_forward_pixels

        def fits(part: _Slice) -> bool:
            return part.may_join(parts[0]) and _pixels(parts) + part.pixels <= bound

        while (other := self._queue.pop(fits)) is not None:
            parts.append(other)

    def _forward(self, parts: list[_Slice]) -> None:
        if not parts:
            return
        try:
            images = [part.images for part in parts]
            outputs = self._runtime.run(
                parts[0].handle, images[0] if len(images) == 1 else np.concatenate(images)
            )
        except BaseException as error:
            if len(parts) == 1:
                parts[0].output.set_exception(error)
                return
            for part in parts:  # one of them is at fault, and it alone is to be told
                self._forward([part])
            return
        if len(parts) == 1:
            parts[0].output.set_result(outputs)
            return
        ends = np.cumsum([len(part.images) for part in parts])
        for part, output in zip(parts, np.split(outputs, ends[:-1]), strict=True):
            part.output.set_result(output)


def _pixels(parts: list[_Slice]) -> int:
    return sum(part.pixels for part in parts)
