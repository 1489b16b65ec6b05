"""Models in memory: each loaded once, shared by every request, the least recently used one dropped."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from doctr_serve.catalog import CatalogEntry
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.single_flight import SingleFlight
from doctr_serve.inference.model_spec import ModelSpec

__all__ = ["LoadedModel", "ModelStore"]


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, shared by all requests.

    Attributes:
        spec: what the stages must know of it.
        handle: the runtime's own.
    """

    spec: ModelSpec
    handle: Any


class ModelStore:
    """Loads models on first use and keeps them.

    Args:
        load: returns the ready model of a catalog entry.
        capacity: models kept besides the pinned ones.
    """

    def __init__(self, load: Callable[[CatalogEntry], LoadedModel], *, capacity: int) -> None:
        self._load = load
        self._capacity = capacity
        self._loads = SingleFlight(self._load_and_keep, name="load")
        self._pinned: set[CatalogEntry] = set()
        self._models: OrderedDict[CatalogEntry, LoadedModel] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, entry: CatalogEntry, interrupt: Interrupt, *, pin: bool = False) -> LoadedModel:
        """Returns the model, loading it if need be; callers that ask meanwhile wait for that one load.

        Args:
            entry: which model.
            interrupt: stops the wait; a load that has begun goes on, for the next request.
            pin: keep it in memory for good.

        Raises:
            WeightsUnavailableError: its weights are not here, or are damaged. The next call tries again.
            StopSignal: ``interrupt`` fired.
        """
        if pin:
            with self._lock:
                self._pinned.add(entry)
        return self.find(entry) or self._loads.do(entry, interrupt)

    def is_loaded(self, entry: CatalogEntry) -> bool:
        """Returns whether the model is in memory now."""
        return self.peek(entry) is not None

    def peek(self, entry: CatalogEntry) -> LoadedModel | None:
        """Returns the model if it is in memory, without that counting as a use."""
        with self._lock:
            return self._models.get(entry)

    def entries(self) -> list[CatalogEntry]:
        """Returns which models are in memory now."""
        with self._lock:
            return list(self._models)

    def loaded(self) -> list[LoadedModel]:
        """Returns the models in memory now."""
        with self._lock:
            return list(self._models.values())

    def find(self, entry: CatalogEntry) -> LoadedModel | None:
        """Returns the model where it is in memory, as one that is used now; None where it is not."""
        with self._lock:
            if entry in self._models:
                self._models.move_to_end(entry)
            return self._models.get(entry)

    def _load_and_keep(self, entry: CatalogEntry) -> LoadedModel:
        # Between a request's look and its turn here another may have loaded it.
        model = self.find(entry) or self._load(entry)
        with self._lock:
            self._models[entry] = model
            self._evict()
        return model

    def _evict(self) -> None:
        # Requests that still hold an evicted model keep it alive until they end.
        unpinned = [entry for entry in self._models if entry not in self._pinned]
        for entry in unpinned[: max(0, len(unpinned) - self._capacity)]:
            del self._models[entry]
