"""What passes from the first stage to the second."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from doctr_serve.inference.stages.layout import Regions

__all__ = ["DetectedPage", "Origin"]


@dataclass(frozen=True)
class Origin:
    """Where a straightened page comes from.

    Attributes:
        image: the page as it came, (H, W, 3) uint8 RGB.
        to_original: (3, 3), takes points (x, y, 1) in pixels of the straightened page to pixels of ``image``.
    """

    image: np.ndarray
    to_original: np.ndarray


@dataclass
class DetectedPage:
    """A page after detection.

    Attributes:
        image: the page, or the straightened page, (H, W, 3) uint8 RGB.
        boxes: (N, 4) or (N, 4, 2), relative to ``image``.
        scores: (N,) detection scores.
        orientation: ``{"value": degrees, "confidence": 0..1 or None}``, or None when not asked for.
        smallest_legible_pixels: font size in ``image`` below which text was lost; None where all is legible.
        classes: of the detection model, each with the part of ``boxes`` that has its words; empty for all of them.
        smallest_legible_untiled: the same had ``image`` been looked at as a whole, where it was not.
        tile_count: parts of ``image`` in which its words were looked for.
        regions: of the page, where the options ask for them.
        tables_left_out: tables of it whose cells are not looked for, as there are too many.
        tables_cut_off: the same, as they cannot be cut out in bounded memory.
        tables_without_cells: tables of it that have none.
        is_out_of_order: whether it has too much on it for the reading order that was asked for.
        scale: of a straightened page: of ``image`` to the page, where that was too large to be turned; 1 or less.
        is_copy: whether ``image`` has pixels of its own beside those of the page as it came.
        origin: of a straightened page whose geometries are to be those of the page as it came; None otherwise.
    """

    image: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    orientation: dict[str, Any] | None = field(default=None)
    smallest_legible_pixels: int | None = None
    classes: dict[str, slice] = field(default_factory=dict)
    smallest_legible_untiled: int | None = None
    tile_count: int = 1
    scale: float = 1.0
    regions: Regions | None = None
    tables_left_out: int = 0
    tables_cut_off: int = 0
    tables_without_cells: int = 0
    is_out_of_order: bool = False
    is_copy: bool = False
    origin: Origin | None = None

    def by_class(self) -> dict[str, DetectedPage]:
        """Returns a page for each class, with the words of this class alone."""
        return {
            name: replace(self, boxes=self.boxes[part], scores=self.scores[part], classes={})
            for name, part in self.classes.items()
        }
