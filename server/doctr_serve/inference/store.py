"""Models in memory: each loaded once, shared by every request, the least recently used one dropped."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from torch import nn

from doctr_serve.catalog.entries import CatalogEntry, ModelTask
from doctr_serve.inference.shared_models import silence_postprocessor

__all__ = ["LoadedModel", "ModelStore"]


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory.

    Attributes:
        entry: its catalog entry.
        network: the prepared docTR module, shared by all requests.
        postprocessor: for detection, the template of each request's post-processor; None otherwise.
    """

    entry: CatalogEntry
    network: nn.Module
    postprocessor: Any = None


class ModelStore:
    """Loads models on first use and keeps them.

    Args:
        load: returns the ready network of a catalog entry.
        capacity: models kept besides the pinned ones.
    """

    def __init__(self, load: Callable[[CatalogEntry], nn.Module], *, capacity: int) -> None:
        self._load = load
        self._capacity = capacity
        self._pinned: set[CatalogEntry] = set()
        self._models: OrderedDict[CatalogEntry, Future[LoadedModel]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, entry: CatalogEntry, *, pin: bool = False) -> LoadedModel:
        """Returns the model, loading it if need be; callers that ask meanwhile wait for that one load.

        Args:
            entry: which model.
            pin: keep it in memory for good.

        Raises:
            WeightsUnavailableError: its weights are not here, or are damaged. The next call tries again.
        """
        with self._lock:
            if pin:
                self._pinned.add(entry)
            future = self._models.get(entry)
            is_ours = future is None
            if future is None:
                future = self._models[entry] = Future()
                self._evict()
            self._models.move_to_end(entry)
        if is_ours:
            self._fulfil(entry, future)
        return future.result()

    def is_loaded(self, entry: CatalogEntry) -> bool:
        """Returns whether the model is in memory now."""
        with self._lock:
            future = self._models.get(entry)
        return future is not None and future.done() and future.exception() is None

    def _fulfil(self, entry: CatalogEntry, future: Future[LoadedModel]) -> None:
        try:
            network = self._load(entry)
            template = silence_postprocessor(network) if entry.task is ModelTask.DETECTION else None
            future.set_result(LoadedModel(entry, network, template))
        except BaseException as error:
            with self._lock:
                self._models.pop(entry, None)
            future.set_exception(error)

    def _evict(self) -> None:
        # Requests that still hold an evicted model keep it alive until they end.
        unpinned = [
            entry for entry, future in self._models.items() if entry not in self._pinned and future.done()
        ]
        excess = len(self._models.keys() - self._pinned) - self._capacity
        for entry in unpinned[: max(0, excess)]:
            del self._models[entry]
