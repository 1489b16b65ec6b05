"""Work that several requests want at once is done once for all of them, and none of them is tied to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from doctr_serve.common.interrupt import Interrupt

__all__ = ["SingleFlight"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SingleFlight(Generic[Key, Value]):
    """Runs slow work, such as a download or a model's load, on threads of its own while requests wait.

    A request that is stopped leaves at once; the work goes on, and the next request joins it or finds it done. The
    threads do not keep a process from ending.

    Args:
        work: does the work for a key, and returns what came of it.
        name: name of the threads.
        max_running: keys that are worked on at the same time, while further ones wait; None for no limit. Work outlives
            the requests that asked for it, and so their number does not bound it.
    """

    def __init__(self, work: Callable[[Key], Value], *, name: str, max_running: int | None = None) -> None:
        self._work = work
        self._name = name
        self._max_running = max_running
        self._running: dict[Key, Future[Value]] = {}
        self._condition = threading.Condition()

    def do(self, key: Key, interrupt: Interrupt) -> Value:
        """Returns what the work for ``key`` returns; those who ask while it runs share that run.

        Args:
            key: which work.
            interrupt: stops the wait, not the work.

        Raises:
            Exception: what the work raised, to everyone who waited for it. The next call tries again.
            StopSignal: ``interrupt`` fired.
        """
        interrupt.check()
        with self._condition:
            if not self._has_room(key):
                interrupt.wait(lambda seconds: self._condition.wait_for(lambda: self._has_room(key), seconds))
            future = self._running.get(key)
            if future is None:
                future = self._running[key] = Future()
                # A daemon, since an executor's threads are waited for when the process ends.
                threading.Thread(target=self._run, args=(key, future), daemon=True, name=self._name).start()
        interrupt.wait(lambda seconds: wait([future], seconds).done)
        return future.result()

    def _run(self, key: Key, future: Future[Value]) -> None:
        try:
            value = self._work(key)
        except BaseException as error:
            self._forget(key)
            future.set_exception(error)
        else:
            self._forget(key)
            future.set_result(value)

    def _forget(self, key: Key) -> None:
        with self._condition:
            del self._running[key]
            self._condition.notify_all()

    def _has_room(self, key: Key) -> bool:
        return self._max_running is None or key in self._running or len(self._running) < self._max_running
