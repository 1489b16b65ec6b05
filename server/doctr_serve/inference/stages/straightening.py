"""Pages turned upright: docTR's pixels, on a canvas of bounded size."""

from __future__ import annotations

import numpy as np
from doctr.utils.geometry import remove_image_padding

from doctr_serve.inference.stages.canvas import expanded_shape, pixels, turned_on, turned_within

__all__ = ["canvas_shape", "straightened"]


def canvas_shape(height: int, width: int, angle: float) -> tuple[int, int]:
    """Returns height and width of the canvas on which docTR turns a page.

    It holds the page before and after, but for a square one: that keeps its size, and loses its corners. Source:
    ``rotate_image`` of doctr/utils/geometry.py, and its call in doctr/models/predictor/base.py.

    Args:
        height: the page's, in pixels.
        width: the page's.
        angle: degrees, counter-clockwise.
    """
    if height == width:
        return height, width
    return expanded_shape((height, width), angle)


def straightened(image: np.ndarray, angle: float, max_pixels: int) -> tuple[np.ndarray, float]:
    """Turns a page and removes the black borders, as docTR does, where its canvas keeps within the limit.

    docTR pads the turned page once more, to the ratio of the sides it had before, and then removes that padding with
    the rest: a sideways page of 800 x 6,000 pixels became one of 270 million. This is left out here.

    A page whose canvas would be too large is turned as ``turned_within`` does it.

    Args:
        image: the page, (H, W, 3) uint8.
        angle: degrees to turn it, counter-clockwise.
        max_pixels: largest canvas.

    Returns:
        the upright page, C-contiguous, and the scale it has now: 1, or less than that.
    """
    height, width = image.shape[:2]
    shape = canvas_shape(height, width, angle)
    if angle == 0 or pixels(shape) > max_pixels:
        bounded = turned_within(image, angle, max_pixels)
        return _without_borders(bounded.image), bounded.scale
    return _without_borders(turned_on(shape, image, angle)), 1.0


def _without_borders(image: np.ndarray) -> np.ndarray:
    # A copy, for the canvas would stay in memory for as long as the part of it that is the page.
    return np.ascontiguousarray(remove_image_padding(image))
