"""What passes from the first stage to the second."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["DetectedPage"]


@dataclass
class DetectedPage:
    """A page after detection.

    Attributes:
        image: the page, or the straightened page, (H, W, 3) uint8 RGB.
        boxes: (N, 4) or (N, 4, 2), relative to ``image``.
        scores: (N,) detection scores.
        orientation: ``{"value": degrees, "confidence": 0..1 or None}``, or None when not asked for.
        smallest_legible_pixels: font size in ``image`` below which text was lost; None where all is legible.
        scale: of a straightened page: of ``image`` to the page, where that was too large to be turned; 1 or less.
    """

    image: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    orientation: dict[str, Any] | None = field(default=None)
    smallest_legible_pixels: int | None = None
    scale: float = 1.0
