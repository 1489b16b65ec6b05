"""What docTR's predictors call instead of a network: a shared model's forward in its turn, for one request.

docTR keeps the thresholds and ``assume_straight_pages`` on the model and its post-processor (doctr/models/
detection/core.py), so setting them per request on a shared model would be a race. Here only the runtime's handle is
shared, and the post-processor belongs to the request; it works in the request's thread, not in the forward's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from doctr.models.detection.core import DetectionPostProcessor
from numpy.typing import NDArray
from torch import nn

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing
from doctr_serve.inference.model_spec import ModelSpec
from doctr_serve.inference.postprocessing import RecognitionPostProcessor, recognition_postprocessor
from doctr_serve.inference.scheduler import ForwardScheduler
from doctr_serve.inference.store import LoadedModel

__all__ = ["DetectionModel", "Forwards", "OrientationModel", "RecognitionModel", "SharedModel"]


@dataclass(frozen=True)
class Forwards:
    """One request's way to the forwards: in their turn, and only while the request lives."""

    scheduler: ForwardScheduler
    interrupt: Interrupt
    standing: Standing

    def __call__(self, model: LoadedModel, batch: torch.Tensor) -> list[NDArray[np.float32]]:
        """Returns the model's raw outputs for a batch (N, 3, H, W), slice by slice."""
        return self.scheduler.run(model.handle, batch.numpy(), self.interrupt, self.standing)


class SharedModel(nn.Module):
    """Base: a model as docTR's predictors see it.

    Args:
        model: the shared model.
        forwards: the request's way to its forwards.
    """

    def __init__(self, model: LoadedModel, forwards: Forwards) -> None:
        super().__init__()
        self._model = model
        self._forwards = forwards
        # docTR's predictors bring batches to the device and type of a model's first parameter: those of the
        # arrays that go to the scheduler, whatever the runtime makes of them.
        self.arrays_are = nn.Parameter(torch.empty(0), requires_grad=False)

    @property
    def spec(self) -> ModelSpec:
        """What is known of the model."""
        return self._model.spec

    def raw(self, batch: torch.Tensor) -> list[torch.Tensor]:
        """Returns the raw outputs of the batch's slices."""
        return [torch.from_numpy(output) for output in self._forwards(self._model, batch)]


class DetectionModel(SharedModel):
    """A shared detection model with the thresholds of one request."""

    def __init__(self, model: LoadedModel, forwards: Forwards, postprocessor: DetectionPostProcessor) -> None:
        super().__init__(model, forwards)
        self.postprocessor = postprocessor
        self.assume_straight_pages = postprocessor.assume_straight_pages

    def forward(
        self, batch: torch.Tensor, return_preds: bool = True, return_model_output: bool = False
    ) -> dict[str, Any]:
        """Returns ``preds`` (per page, class name to boxes) and, if asked, ``out_map`` (N, 1, H, W), 0 to 1."""
        probability_maps = self.raw(batch)
        boxes = [
            page for maps in probability_maps for page in self.postprocessor(maps.permute(0, 2, 3, 1).numpy())
        ]
        answer: dict[str, Any] = {
            "preds": [dict(zip(self.spec.classes, page, strict=True)) for page in boxes]
        }
        if return_model_output:
            answer["out_map"] = torch.cat(probability_maps)
        return answer


class RecognitionModel(SharedModel):
    """A shared recognition model with its decoder."""

    def __init__(
        self, model: LoadedModel, forwards: Forwards, postprocessor: RecognitionPostProcessor
    ) -> None:
        super().__init__(model, forwards)
        self.postprocessor = postprocessor

    def with_whole_vocabulary(self) -> RecognitionModel:
        """Returns the same model, where all its characters may be read."""
        return RecognitionModel(self._model, self._forwards, recognition_postprocessor(self.spec))

    def forward(self, batch: torch.Tensor, return_preds: bool = True) -> dict[str, list[tuple[str, float]]]:
        """Returns ``preds``: text and confidence of each crop."""
        return {"preds": list(chain.from_iterable(map(self.postprocessor, self.raw(batch))))}


class OrientationModel(SharedModel):
    """A shared orientation classifier."""

    def __init__(self, model: LoadedModel, forwards: Forwards) -> None:
        super().__init__(model, forwards)
        self.cfg = {"classes": list(model.spec.classes)}  # where docTR's OrientationPredictor looks them up

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Returns logits of shape (N, 4), in the order of the spec's classes."""
        return torch.cat(self.raw(batch))
