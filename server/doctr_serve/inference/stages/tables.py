"""docTR's table predictor over a shared model, and the tables of a page, a region at a time."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from doctr.models.table_structure.predictor import TablePredictor
from doctr.models.table_structure.tablecenternet.base import TableCenterNetPostProcessor
from doctr.models.table_structure.tablecenternet.pytorch import TableCenterNet

from doctr_serve.inference.raw_network import TABLE_HEADS
from doctr_serve.inference.stages.layout import Regions
from doctr_serve.inference.stages.models import Forwards, SharedModel
from doctr_serve.inference.stages.preprocessing import BatchedPreProcessor
from doctr_serve.inference.store import LoadedModel
from doctr_serve.options import ReadingOptions

__all__ = [
    "MAX_CANVAS_PIXELS",
    "MAX_SCALE_OF_CANVAS",
    "TABLE_CLASS",
    "Grid",
    "surest",
    "table_predictor",
    "table_regions",
]

Grid: TypeAlias = dict[str, Any]
"""A table without its words, docTR's own form: ``cells``, ``num_rows``, ``num_cols``."""
TABLE_CLASS = "Table"
"""What docTR's layout models call a table (``table_class_name`` of ``OCRPredictor``)."""
MAX_PAIRS = 100_000
"""Pairs of a cell and a corner beside it that docTR moves cells by, in a loop of Python: 10 us each."""
MAX_SCALE_OF_CANVAS = 2
MAX_CANVAS_PIXELS = 1024 * 1024
"""docTR cuts a table out with room around it. Of a turned region that is cut off at the page's edge, or of a page that
is very long, the canvas may become many times the page: at most twice its pixels, and this many more."""


def table_predictor(model: LoadedModel, forwards: Forwards, options: ReadingOptions) -> TablePredictor:
    """Returns docTR's table predictor with the box shape of the request; it takes pictures of one table each."""
    preprocessor = BatchedPreProcessor(
        model.spec.input_shape[-2:],
        mean=model.spec.mean,
        std=model.spec.std,
        batch_size=1,
        preserve_aspect_ratio=options.preserve_aspect_ratio,
        symmetric_pad=options.symmetric_padding,
    )
    postprocessor = _BoundedPostProcessor(assume_straight_pages=options.assume_straight_pages)
    return TablePredictor(preprocessor, _TableModel(model, forwards, postprocessor))


def table_regions(regions: Regions, page_shape: tuple[int, int]) -> list[Regions]:
    """Returns a page's tables that can be cut out in bounded memory, each as regions of its own.

    Args:
        regions: of the page.
        page_shape: its height and width, in pixels.
    """
    parts = zip(regions["class_names"], regions["boxes"], regions["scores"], strict=True)
    return [
        {"class_names": [name], "boxes": box[None], "scores": [score]}
        for name, box, score in parts
        if name == TABLE_CLASS and _can_be_cut_out(box, page_shape)
    ]


def surest(tables: list[Regions], count: int) -> list[Regions]:
    """Returns so many of the tables at most, in their order: those first of which the layout model is surest."""
    indices = sorted(range(len(tables)), key=lambda index: -tables[index]["scores"][0])
    return [tables[index] for index in sorted(indices[:count])]


def _can_be_cut_out(box: np.ndarray, page_shape: tuple[int, int]) -> bool:
    """Whether the canvas of ``OCRPredictor._tables_from_regions`` keeps within what is counted for it."""
    height, width = page_shape
    corners = box.reshape(-1, 2) * [width, height]
    if len(corners) == 2:
        cut_width, cut_height = corners[1] - corners[0]
    else:
        top, right, bottom, left = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
        cut_width, cut_height = max(top, bottom), max(left, right)
    around = 2 * max(20.0, 0.01 * max(cut_width, cut_height))
    canvas = (cut_width + around) * (cut_height + around)
    return bool(canvas <= MAX_SCALE_OF_CANVAS * height * width + MAX_CANVAS_PIXELS)


class _BoundedPostProcessor(TableCenterNetPostProcessor):
    """docTR's cells. Of noise with very many of them their corners are not moved to those of their neighbours."""

    def _relocate(self, decoded: dict[str, np.ndarray], b: int) -> Any:
        cells = decoded["center_polygons"][b][decoded["center_scores"][b] >= self.center_thresh]
        corners = decoded["corner_polygons"][b][decoded["corner_scores"][b] >= self.corner_thresh]
        if len(cells) * len(corners) > MAX_PAIRS and _pairs(cells, corners) > MAX_PAIRS:
            return self._simple(decoded, b)
        return super()._relocate(decoded, b)


def _pairs(cells: np.ndarray, corners: np.ndarray) -> int:
    """Returns how many pairs of quadrilaterals (N, 8) have boxes that touch (docTR's ``_bbox_overlap_query``)."""
    pairs = 0
    corner_min, corner_max = corners.reshape(-1, 4, 2).min(1), corners.reshape(-1, 4, 2).max(1)
    for cell in cells.reshape(-1, 4, 2):
        touch = (corner_min <= cell.max(0)) & (corner_max >= cell.min(0))
        pairs += int(touch.all(axis=1).sum())
    return pairs


class _TableModel(SharedModel):
    """A shared table model with the box shape of one request."""

    # docTR's decoding of the maps belongs to its network; these are its arguments' defaults.
    center_k = 3000
    corner_k = 5000
    _polygons_decode = TableCenterNet._polygons_decode
    _decode = TableCenterNet._decode

    def __init__(
        self, model: LoadedModel, forwards: Forwards, postprocessor: TableCenterNetPostProcessor
    ) -> None:
        super().__init__(model, forwards)
        self.postprocessor = postprocessor
        self.assume_straight_pages = postprocessor.assume_straight_pages

    def forward(self, batch: torch.Tensor, return_preds: bool = True) -> dict[str, Any]:
        """Returns ``preds``: per picture, polygons of the cells, scores, and rows and columns."""
        predictions = []
        for maps in self.raw(batch):
            heads = dict(zip(TABLE_HEADS, maps.split(list(TABLE_HEADS.values()), dim=1), strict=True))
            predictions.extend(self.postprocessor(self._decode(heads)))
        return {"preds": predictions}
