"""A docTR model as a plain network: images in, one array out, nothing decoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask
from doctr_serve.inference.loading import load_model

__all__ = ["TABLE_HEADS", "RawNetwork", "load_raw_network"]

TABLE_HEADS: Mapping[str, int] = {"hm": 2, "reg": 2, "ct2cn": 8, "cn2ct": 8, "lc": 2, "sp": 2}
"""Maps of a table model and their channels (``TableCenterNet`` of doctr/models/table_structure/tablecenternet)."""


class RawNetwork(nn.Module):
    """What a runtime runs, or converts: float32 images (N, 3, H, W) to one tensor.

    The output is by task: detection (N, classes, H, W), the probability of each pixel, 0 to 1; recognition (N, steps,
    characters), logits; orientation (N, 4), logits; layout (N, queries, classes + 6), logits and turned boxes, of
    images with a fourth channel, 1 where a pixel is the page's and 0 where it is padding; tables (N, 24, H / 4, W / 4),
    the maps of ``TABLE_HEADS`` one after the other.

    Args:
        model: docTR's model; it is this network's own from now on.
        task: what it does.
    """

    def __init__(self, model: nn.Module, task: ModelTask) -> None:
        super().__init__()
        self.model = model
        self.task = task
        if task is ModelTask.DETECTION:
            # docTR's detection models post-process inside `forward` whenever no target is given.
            model.postprocessor = _nothing_found
        elif task in (ModelTask.RECOGNITION, ModelTask.LAYOUT, ModelTask.TABLE_STRUCTURE):
            model.exportable = True  # docTR's own way to leave the decoding to its caller

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns the raw output of a batch."""
        match self.task:
            case ModelTask.DETECTION:
                return self.model(images, return_model_output=True)["out_map"]
            case ModelTask.RECOGNITION:
                return self.model(images)["logits"]
            case ModelTask.LAYOUT:
                found = self.model(images[:, :-1], images[:, -1] > 0)
                return torch.cat([found["logits"], found["pred_boxes"]], dim=-1)
            case ModelTask.TABLE_STRUCTURE:
                maps = self.model(images)
                return torch.cat([maps[head] for head in TABLE_HEADS], dim=1)
            case _:
                return self.model(images)


def load_raw_network(entry: CatalogEntry, catalog: Catalog) -> RawNetwork:
    """Returns the entry's network, on the CPU and in eval mode.

    Raises:
        WeightsUnavailableError: the weights are missing, damaged, or do not fit the architecture.
    """
    return RawNetwork(load_model(entry, catalog), entry.task).eval()


def _nothing_found(probability_maps: Any) -> list[Any]:
    return []
