"""Areas of a probability map -> boxes: docTR's, with each area looked at once, and straight boxes made all together.

docTR's three post-processors (``bitmap_to_boxes`` of doctr/models/detection/{differentiable_binarization,fast,linknet}/
base.py) differ in their ``unclip_ratio`` alone; for each area they call NumPy twenty times, and Clipper to widen a box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["straight_boxes", "turned_boxes"]

MIN_SIDE_PIXELS = 3
"""Of an area, in pixels of the map: docTR leaves out areas whose first and last pixel are less than 2 apart."""
MIN_DIAGONAL_PIXELS = 2
"""Of a turned box. docTR asks it of DBNet's boxes only; an area of three pixels' sides has none that is shorter."""

Areas = Sequence[np.ndarray]
"""Contours as ``cv2.findContours`` returns them, each (points, 1, 2) int32: x and y in pixels of the map."""


def straight_boxes(
    probabilities: NDArray[np.float32], areas: Areas, *, unclip_ratio: float, min_score: float
) -> np.ndarray:
    """Returns docTR's straight boxes of a map's areas.

    Args:
        probabilities: the map, (H, W), 0 to 1.
        areas: of the map.
        unclip_ratio: by which a box is wider than its area: the distance is this times its area over its length.
        min_score: least mean of the probabilities in a box.

    Returns:
        (N, 5) in the order of the areas: left, top, right and bottom, relative to the map, and the score.
    """
    sides = np.array([cv2.boundingRect(area) for area in areas], dtype=np.int64).reshape(-1, 4)
    sides = sides[(sides[:, 2:] >= MIN_SIDE_PIXELS).all(axis=1)]
    scores = _mean_probabilities(probabilities, sides)
    is_sure = ~(scores < min_score)
    boxes = _widened(sides[is_sure], unclip_ratio) / np.tile(probabilities.shape[::-1], 2)
    return np.clip(np.column_stack((boxes, scores[is_sure])), 0, 1)


def turned_boxes(
    probabilities: NDArray[np.float32],
    areas: Areas,
    *,
    polygon_to_box: Callable[[np.ndarray], np.ndarray | None],
    min_score: float,
) -> np.ndarray:
    """Returns docTR's turned boxes of a map's areas.

    Args:
        probabilities: the map, (H, W), 0 to 1.
        areas: of the map.
        polygon_to_box: docTR's, the box (4, 2) around an area's points (N, 2); None where there is none.
        min_score: least mean of the probabilities in an area.

    Returns:
        (N, 5, 2) in the order of the areas: the corners, relative to the map, and in the last row 0 and the score.
    """
    size = np.array(probabilities.shape[::-1], np.float32)
    boxes = []
    for area in areas:
        left, top, width, height = cv2.boundingRect(area)
        if min(width, height) < MIN_SIDE_PIXELS:
            continue
        score = _mean_inside(probabilities[top : top + height, left : left + width], area - (left, top))
        if score < min_score:
            continue
        corners = polygon_to_box(area.reshape(-1, 2))
        if corners is not None and np.linalg.norm(corners[2] - corners[0]) >= MIN_DIAGONAL_PIXELS:
            boxes.append(np.vstack((corners / size, (0.0, score))))
    return np.clip(boxes, 0, 1) if boxes else np.zeros((0, 5, 2), probabilities.dtype)


def _mean_probabilities(probabilities: NDArray[np.float32], sides: NDArray[np.int64]) -> NDArray[np.float32]:
    """Returns the score of each box (N,), as docTR's ``box_score``: one row and one column beyond the area count."""
    height, width = probabilities.shape
    first = sides[:, :2]
    end = np.minimum(first + sides[:, 2:] + 1, (width, height))
    return np.array(
        [
            probabilities[top:bottom, left:right].mean()
            for left, top, right, bottom in np.concatenate((first, end), axis=1).tolist()
        ],
        dtype=np.float32,
    )


def _mean_inside(probabilities: NDArray[np.float32], area: np.ndarray) -> float:
    """Returns the score of an area that fills a map, as docTR's ``box_score``, which clips it to the map first."""
    inside = np.zeros(probabilities.shape, np.uint8)
    cv2.fillPoly(inside, [area], 1)
    return float(probabilities[inside.astype(bool)].mean())


def _widened(sides: NDArray[np.int64], unclip_ratio: float) -> NDArray[np.float64]:
    """Returns left, top, right and bottom (N, 4) of the boxes (left, top, width, height) that Clipper would widen.

    A rectangle's sides move by the distance, and Clipper rounds to whole pixels. To its last digit: ``GetUnitNormal``
    and ``DoRound`` of clipper.cpp 6.4 multiply the distance by a side's length over that length, which need not be 1.
    """
    lengths = sides[:, 2:].astype(float)
    first, last = sides[:, :2], sides[:, :2] + sides[:, 2:]
    distances = lengths.prod(axis=1) * unclip_ratio / (2 * lengths.sum(axis=1))
    # Left and right are moved along the normals of the sides that are as long as the box is high.
    moved = (lengths * (1 / lengths))[:, ::-1] * distances[:, None]
    # As `cv2.boundingRect` of whole pixels: the last one is in the box.
    return np.concatenate((_rounded(first - moved), _rounded(last + moved) + 1), axis=1)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns whole numbers, halves away from zero, as clipper.cpp's ``Round``."""
    return np.trunc(values + np.copysign(0.5, values))
