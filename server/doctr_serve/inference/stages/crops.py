"""Which boxes of a page are cut out together, and how many pieces its words will be read in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.recognition import piece_counts

__all__ = ["MAX_CROPS_AT_ONCE", "crop_groups", "straight_piece_count", "without_widthless_boxes"]

MAX_CROPS_AT_ONCE = 128
"""docTR's own batch of the crop orientation classifier (doctr/models/classification/zoo.py): no more are held at once,
and the classifier's batches stay what they are."""
MIN_PIXELS_AT_ONCE = 4_000_000
"""Crops of a small page may have this many pixels together, 12 MB."""
MIN_BOX_WIDTH_PIXELS = 1e-3


def crop_groups(image: np.ndarray, boxes: np.ndarray) -> Iterator[slice]:
    """Yields runs of boxes whose crops are held in memory together.

    A run has ``MAX_CROPS_AT_ONCE`` crops, or fewer where they have more pixels than their page: the boxes of ordinary
    words share no pixels, those of nested angles can each be as large as the page.

    Args:
        image: the page, (H, W, 3).
        boxes: (N, 4) or (N, 4, 2), relative to the page.
    """
    budget = max(image.shape[0] * image.shape[1], MIN_PIXELS_AT_ONCE)
    start, pixels = 0, 0.0
    for index, crop_pixels in enumerate(_crop_pixels(image, boxes)):
        if index > start and (index - start == MAX_CROPS_AT_ONCE or pixels + crop_pixels > budget):
            yield slice(start, index)
            start, pixels = index, 0.0
        pixels += crop_pixels
    if start < len(boxes):
        yield slice(start, len(boxes))


def straight_piece_count(image: np.ndarray, boxes: np.ndarray) -> int:
    """Returns in how many pieces the crops of straight boxes will be read.

    Args:
        image: the page, (H, W, 3).
        boxes: (N, 4), relative to the page: left, top, right, bottom.
    """
    if not len(boxes):
        return 0
    # As `extract_crops` of doctr/utils/geometry.py rounds: both edges are in the crop, and it ends with the page.
    size = np.array(image.shape[1::-1])
    first = np.round(boxes[:, :2] * size).astype(int)
    end = np.minimum(np.round(boxes[:, 2:4] * size).astype(int) + 1, size)
    widths, heights = (end - first).T
    exists = (widths > 0) & (heights > 0)
    return int(piece_counts(heights[exists], widths[exists]).sum())


def without_widthless_boxes(page: DetectedPage) -> DetectedPage:
    """Returns the page without what is left of turned boxes in the padding, where docTR's horizontal crops fail.

    ``extract_rcrops(..., assume_horizontal=True)`` of doctr/utils/geometry.py, its crops for disabled page orientation,
    finds no left edge in them and raises an IndexError; with the classifier enabled docTR drops such crops itself
    (``_prepare_crops``).

    Args:
        page: its boxes are (N, 4, 2).
    """
    if not len(page.boxes):
        return page
    width = page.image.shape[1]
    has_width = np.ptp(page.boxes[:, :, 0], axis=1) * width > MIN_BOX_WIDTH_PIXELS
    return replace(page, boxes=page.boxes[has_width], scores=page.scores[has_width])


def _crop_pixels(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Pixels of each box's crop, (N,); those of a turned box are its two sides' product."""
    size = np.array(image.shape[1::-1], float)
    if boxes.ndim == 2:
        return np.prod((boxes[:, 2:4] - boxes[:, :2]) * size, axis=1)
    corners = boxes * size
    return np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1) * np.linalg.norm(
        corners[:, 1] - corners[:, 2], axis=-1
    )
