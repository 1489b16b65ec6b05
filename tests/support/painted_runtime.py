"""A runtime of a few lines: no network, the same words on every page. What a runtime has to be, and no more."""

from __future__ import annotations

from typing import Any

import numpy as np
from doctr_serve.catalog import CatalogEntry, ModelTask
from doctr_serve.inference.runtimes import Execution

__all__ = ["WORDS", "PaintedRuntime"]

WORDS = 6
"""Words that it finds on every page, one below the other."""


class PaintedRuntime:
    max_forward_pixels = None
    shared_forward_pixels = 0

    def load(self, entry: CatalogEntry) -> ModelTask:
        return entry.task

    def execution_of(self, entry: CatalogEntry, handle: ModelTask | None = None) -> Execution:
        return Execution("paint", "f32")

    def enter_thread(self) -> None:
        pass

    def run(self, handle: ModelTask, batch: Any) -> Any:
        count, _, height, width = batch.shape
        if handle is ModelTask.DETECTION:
            maps = np.zeros((count, 1, height, width), np.float32)
            for top in range(height // 8, height * 7 // 8, height // 8):
                maps[:, :, top : top + height // 16, width // 4 : width // 2] = 1
            return maps
        if handle is ModelTask.RECOGNITION:  # 126 characters of docTR's "french", then CTC's blank
            logits = np.zeros((count, width // 4, 127), np.float32)
            logits[:, :, 126], logits[:, 4, 10] = 5, 9
            return logits
        return np.zeros((count, 4), np.float32)

    def release_memory(self, handle: ModelTask) -> None:
        pass
