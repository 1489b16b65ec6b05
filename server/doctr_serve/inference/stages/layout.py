"""docTR's layout predictor over a shared model: the regions of a page, such as titles, text and tables."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from doctr.models.layout.lw_detr.base import LWDETRPostProcessor
from doctr.models.layout.predictor import LayoutPredictor

from doctr_serve.inference.stages.models import Forwards, SharedModel
from doctr_serve.inference.stages.preprocessing import BatchedPreProcessor
from doctr_serve.inference.store import LoadedModel
from doctr_serve.options import ReadingOptions

__all__ = ["Regions", "layout_predictor"]


Regions: TypeAlias = dict[str, Any]
"""The regions of a page, docTR's own form: ``class_names``; ``boxes``, (R, 4) or (R, 4, 2), relative to the page; and
``scores``, 0 to 1. By class, and of each by score."""


def layout_predictor(model: LoadedModel, forwards: Forwards, options: ReadingOptions) -> LayoutPredictor:
    """Returns docTR's layout predictor with the box shape and the batch size of the request."""
    preprocessor = _MaskingPreProcessor(
        model.spec.input_shape[-2:],
        mean=model.spec.mean,
        std=model.spec.std,
        batch_size=options.detection_batch_size,
        preserve_aspect_ratio=options.preserve_aspect_ratio,
        symmetric_pad=options.symmetric_padding,
    )
    postprocessor = LWDETRPostProcessor(
        num_classes=len(model.spec.classes), assume_straight_pages=options.assume_straight_pages
    )
    return LayoutPredictor(preprocessor, _LayoutModel(model, forwards, postprocessor))


class _MaskingPreProcessor(BatchedPreProcessor):
    """Batches and, as docTR's layout predictor takes them, where each of their images is no padding."""

    def __call__(  # type: ignore[override]
        self, images: list[np.ndarray]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Returns the batches (N, 3, H, W), and their masks (N, H, W), bool."""
        masks = torch.zeros(len(images), *self.resize.size, dtype=torch.bool)
        for mask, image in zip(masks, images, strict=True):
            rows, columns = self.place_of(*image.shape[:2])
            mask[rows, columns] = True
        return list(self.batches(images)), list(masks.split(self.batch_size))


class _LayoutModel(SharedModel):
    """A shared layout model with the box shape of one request."""

    def __init__(self, model: LoadedModel, forwards: Forwards, postprocessor: LWDETRPostProcessor) -> None:
        super().__init__(model, forwards)
        self.postprocessor = postprocessor
        self.assume_straight_pages = postprocessor.assume_straight_pages
        self.class_names = list(self.spec.classes)

    def forward(
        self,
        batch: torch.Tensor,
        masks: torch.Tensor,
        return_preds: bool = True,
        return_model_output: bool = False,
    ) -> dict[str, Any]:
        """Returns ``preds``: per page, numbers of the classes, boxes and scores."""
        outputs = self.raw(torch.cat([batch, masks.unsqueeze(1)], dim=1))
        logits, boxes = torch.cat(outputs).split([len(self.class_names), 6], dim=-1)
        return {"preds": self.postprocessor(logits.numpy(), boxes.numpy())}
