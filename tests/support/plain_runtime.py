"""docTR's networks run as they are, bit for bit: for comparisons in which the last digit decides what is found.

The test computes with one thread, too (fixture ``one_torch_thread``).
"""

from __future__ import annotations

import numpy as np
import torch
from doctr_serve.catalog import Catalog, CatalogEntry
from doctr_serve.inference.raw_network import RawNetwork, load_raw_network
from doctr_serve.inference.runtimes import Execution
from numpy.typing import NDArray

__all__ = ["PlainRuntime"]


class PlainRuntime:
    max_forward_pixels = None
    shared_forward_pixels = 0

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def load(self, entry: CatalogEntry) -> RawNetwork:
        return load_raw_network(entry, self._catalog)

    def execution_of(self, entry: CatalogEntry, handle: RawNetwork | None = None) -> Execution:
        return Execution("torch", "f32")

    def enter_thread(self) -> None:
        torch.set_num_threads(1)  # sums in another order are other sums

    def run(self, handle: RawNetwork, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return handle(torch.from_numpy(batch)).numpy()

    def release_memory(self, handle: RawNetwork) -> None:
        pass
