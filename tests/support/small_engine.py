"""The real engine, made cheap enough to read hundreds of pages in a test, and watched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from doctr_serve.catalog import CatalogEntry, ModelTask
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.runtimes import Backend
from doctr_serve.inference.runtimes.torch_runtime import TorchBackend
from doctr_serve.settings import Settings
from torch import nn

__all__ = ["SIDE", "SmallEngine", "WatchedBackend"]

SIDE = 256
"""Pixels of a side of a page as the detection network sees it; docTR's own 1024 cost 16 times as much."""


class WatchedBackend:
    """The torch backend; writes down what runs, and lets a test stop it there.

    Attributes:
        forwards: the task and the batch size of each forward, in order.
        before: called before each forward with its task; may block or raise.
    """

    def __init__(self, backend: Backend | None = None) -> None:
        self._backend = backend or TorchBackend()
        self._lock = threading.Lock()
        self.forwards: list[tuple[ModelTask, int]] = []
        self.before: Callable[[ModelTask], None] = lambda task: None

    def prepare(self, model: nn.Module) -> nn.Module:
        return self._backend.prepare(model)

    def forward(self, model: nn.Module, batch: torch.Tensor, **arguments: Any) -> Any:
        task = ModelTask.RECOGNITION if "return_preds" in arguments else ModelTask.DETECTION
        task = task if arguments else ModelTask.PAGE_ORIENTATION
        with self._lock:
            self.forwards.append((task, len(batch)))
        self.before(task)
        return self._backend.forward(model, batch, **arguments)

    def batch_sizes(self, task: ModelTask) -> list[int]:
        """The batch sizes of the task's forwards so far."""
        with self._lock:
            return [size for done, size in self.forwards if done is task]


class SmallEngine(OCREngine):
    """Every part is the server's own; only the detection network's input is smaller.

    Attributes:
        backend: see WatchedBackend.
        loads: names of the models in the order of their loading.
    """

    def __init__(self, settings: Settings) -> None:
        self.backend = WatchedBackend()
        self.loads: list[str] = []
        super().__init__(settings, backend=self.backend)

    def _load(self, entry: CatalogEntry) -> nn.Module:
        self.loads.append(entry.name)
        network = super()._load(entry)
        if entry.task is ModelTask.DETECTION:
            network.cfg = {**network.cfg, "input_shape": (3, SIDE, SIDE)}
        return network
