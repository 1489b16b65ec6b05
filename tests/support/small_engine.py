"""The real engine, made cheap enough to read hundreds of pages in a test, and watched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.model_spec import ModelSpec, describe
from doctr_serve.inference.runtimes import Execution, Runtime
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.settings import Settings
from numpy.typing import NDArray

__all__ = ["SIDE", "WatchedRuntime", "small_engine", "small_spec"]

SIDE = 256
"""Pixels of a side of a page as the detection network sees it; docTR's own 1024 cost 16 times as much."""


@dataclass(frozen=True)
class Watched:
    """A handle of the watched runtime: the other one's, and what for."""

    entry: CatalogEntry
    handle: Any


class WatchedRuntime:
    """A runtime that writes down what another one does, and lets a test stop it there.

    Attributes:
        loads: names of the models in the order of their loading.
        forwards: the task and the batch size of each forward, in order.
        before: called before each forward with its task; may block or raise.
        before_load: called before each load with the model's entry; may block or raise.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self.max_forward_pixels = runtime.max_forward_pixels
        self.shared_forward_pixels = runtime.shared_forward_pixels
        self.loads: list[str] = []
        self.forwards: list[tuple[ModelTask, int]] = []
        self.before: Callable[[ModelTask], None] = lambda task: None
        self.before_load: Callable[[CatalogEntry], None] = lambda entry: None

    def load(self, entry: CatalogEntry) -> Watched:
        self.before_load(entry)
        self.loads.append(entry.name)
        return Watched(entry, self._runtime.load(entry))

    def execution_of(self, entry: CatalogEntry, handle: Watched | None = None) -> Execution:
        return self._runtime.execution_of(entry, None if handle is None else handle.handle)

    def enter_thread(self) -> None:
        self._runtime.enter_thread()

    def run(self, handle: Watched, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with self._lock:
            self.forwards.append((handle.entry.task, len(batch)))
        self.before(handle.entry.task)
        return self._runtime.run(handle.handle, batch)

    def release_memory(self, handle: Watched) -> None:
        self._runtime.release_memory(handle.handle)

    def batch_sizes(self, task: ModelTask) -> list[int]:
        """The batch sizes of the task's forwards so far."""
        with self._lock:
            return [size for done, size in self.forwards if done is task]


def small_spec(entry: CatalogEntry, catalog: Catalog) -> ModelSpec:
    """The model's own spec, but for the size of the input of a network that sees whole pages or tables."""
    spec = describe(entry, catalog)
    sees_pages = entry.task in (ModelTask.DETECTION, ModelTask.LAYOUT, ModelTask.TABLE_STRUCTURE)
    return replace(spec, input_shape=(3, SIDE, SIDE)) if sees_pages else spec


def small_engine(settings: Settings, runtime: Runtime | None = None) -> tuple[OCREngine, WatchedRuntime]:
    """The server's own engine; only the detection network's input is smaller, and its runtime is watched."""
    catalog = Catalog(settings)
    watched = WatchedRuntime(runtime or TorchRuntime(catalog, intra_op_threads=settings.intra_op_threads))
    return OCREngine(settings, catalog=catalog, runtime=watched, spec_of=small_spec), watched
