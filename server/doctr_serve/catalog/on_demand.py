"""Downloads that a request waits for: one for all who ask meanwhile, and none of them is tied to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

from doctr_serve.catalog.entries import CatalogEntry
from doctr_serve.common.interrupt import POLL_INTERVAL_S, Interrupt

__all__ = ["OnDemandDownloads"]


class OnDemandDownloads:
    """Fetches weights while requests wait.

    A request that is cancelled stops waiting at once; the download goes on, and the next request finds it done
    or joins it. Its threads do not keep a server from stopping: what has arrived is kept, and the next download
    goes on from there.

    Args:
        pull: downloads the weights of an entry, and returns when they are here.
    """

    def __init__(self, pull: Callable[[CatalogEntry], object]) -> None:
        self._pull = pull
        self._running: dict[CatalogEntry, Future[None]] = {}
        self._lock = threading.Lock()

    def fetch(self, entry: CatalogEntry, interrupt: Interrupt) -> None:
        """Returns once the entry's weights are here.

        Args:
            entry: which model.
            interrupt: stops the wait.

        Raises:
            WeightsDownloadError: the download failed. The next call tries again.
            RequestCancelledError: cancelled meanwhile.
            DeadlineExceededError: the deadline passed meanwhile.
        """
        interrupt.check()
        with self._lock:
            future = self._running.get(entry)
            if future is None:
                future = self._running[entry] = Future()
                # A daemon, since an executor's threads are waited for when the process ends.
                thread = threading.Thread(
                    target=self._run, args=(entry, future), daemon=True, name="download"
                )
                thread.start()
        while not wait([future], timeout=POLL_INTERVAL_S).done:
            interrupt.check()
        future.result()

    def _run(self, entry: CatalogEntry, future: Future[None]) -> None:
        try:
            self._pull(entry)
        except BaseException as error:
            self._forget(entry)
            future.set_exception(error)
        else:
            self._forget(entry)
            future.set_result(None)

    def _forget(self, entry: CatalogEntry) -> None:
        with self._lock:
            del self._running[entry]
