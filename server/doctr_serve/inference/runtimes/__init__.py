"""What loads and runs a model: torch now; another runtime is another module with the same methods.

Nothing docTR-shaped passes: a runtime knows catalog entries, its own handles and arrays. Pre-processing, thresholds and
decoding are the stages' business, whose turn it is the scheduler's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from doctr_serve.catalog import CatalogEntry

__all__ = ["Execution", "Runtime"]


@dataclass(frozen=True)
class Execution:
    """What runs a model.

    Attributes:
        runtime: its name, as the setting ``runtime`` has it.
        precision: of the forwards, as the setting ``inference_precision`` has it.
    """

    runtime: str
    precision: str


class Runtime(Protocol):
    """Loads models and runs batches of arrays.

    Attributes:
        max_forward_pixels: input pixels of a forward beyond which a larger batch gains no time; None for no such
            bound. The scheduler cuts batches by it.
        shared_forward_pixels: input pixels up to which forwards of several requests are joined into one; a larger one
            is no faster per image.
    """

    max_forward_pixels: int | None
    shared_forward_pixels: int

    def load(self, entry: CatalogEntry) -> Any:
        """Loads a model, ready to run.

        Returns:
            A handle that means something to this runtime alone.

        Raises:
            WeightsUnavailableError: its weights are missing, damaged, or do not fit.
        """

    def execution_of(self, entry: CatalogEntry, handle: Any | None = None) -> Execution:
        """Returns what runs a model, or would; cheap, whether the model's weights are here or not.

        Args:
            entry: the model.
            handle: what :meth:`load` returned for it; None where it is not loaded.
        """

    def enter_thread(self) -> None:
        """Prepares the calling thread for :meth:`run`; called once in each of the scheduler's threads.

        Where a runtime keeps threads of its own for a forward, only these threads are to have some.
        """

    def run(self, handle: Any, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the raw output of a batch; called from the scheduler's threads only.

        Args:
            handle: what :meth:`load` returned.
            batch: normalised images, (N, 3, H, W); of layout models with the mask of their padding, (N, 4, H, W).

        Returns:
            What :class:`RawNetwork` says of the model's task.
        """

    def release_memory(self, handle: Any) -> None:
        """Gives back what forwards of a model left for the next one, which may then take a little longer.

        Args:
            handle: what :meth:`load` returned.
        """
