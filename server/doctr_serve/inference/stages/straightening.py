"""Pages turned upright: docTR's pixels, on a canvas of bounded size."""

from __future__ import annotations

from math import ceil, sqrt

import cv2
import numpy as np
from doctr.utils.geometry import compute_expanded_shape, remove_image_padding

from doctr_serve.inference.stages.preprocessing import LARGE_IMAGE_PIXELS

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
    turned_height, turned_width = compute_expanded_shape((height, width), angle)
    return (
        height + max(0, ceil(turned_height - height)),
        width + max(0, ceil(turned_width - width)),
    )


def straightened(image: np.ndarray, angle: float, max_pixels: int) -> tuple[np.ndarray, float]:
    """Turns a page and removes the black borders, as docTR does, where its canvas keeps within the limit.

    docTR pads the turned page once more, to the ratio of the sides it had before, and then removes that padding with
    the rest: a sideways page of 800 x 6,000 pixels became one of 270 million. This is left out here.

    A page whose canvas would be too large is first turned by right angles, which needs none, so that at most 45
    degrees are left; if that is not enough, it is scaled down.

    Args:
        image: the page, (H, W, 3) uint8.
        angle: degrees to turn it, counter-clockwise.
        max_pixels: largest canvas.

    Returns:
        the upright page, C-contiguous, and the scale it has now: 1, or less than that.
    """
    if _pixels(image, angle) <= max_pixels:
        return _turned(image, angle), 1.0
    quarters = round(angle / 90)
    image, angle = np.ascontiguousarray(np.rot90(image, quarters)), angle - 90 * quarters
    if angle == 0:
        return _turned(image, 0), 1.0
    scale = min(1.0, sqrt(max_pixels / _pixels(image, angle)))
    if scale < 1:
        height, width = (max(1, int(side * scale)) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return _turned(image, angle), scale


def _turned(image: np.ndarray, angle: float) -> np.ndarray:
    if angle == 0:
        return np.ascontiguousarray(remove_image_padding(image))
    height, width = canvas_shape(image.shape[0], image.shape[1], angle)
    rotation = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    above, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    if height * width > LARGE_IMAGE_PIXELS:
        # As below, but for a level of 255 at most, and without a copy of the page on its canvas.
        back = cv2.invertAffineTransform(rotation) - [[0, 0, left], [0, 0, above]]
        turned = cv2.warpAffine(image, back, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    else:
        below, right = height - image.shape[0] - above, width - image.shape[1] - left
        if below or right:
            image = cv2.copyMakeBorder(image, above, below, left, right, cv2.BORDER_CONSTANT)
        turned = cv2.warpAffine(image, rotation, (width, height))
        del image  # the canvas, before the page is copied
    # A copy, for the canvas would stay in memory for as long as the part of it that is the page.
    return np.ascontiguousarray(remove_image_padding(turned))


def _pixels(image: np.ndarray, angle: float) -> int:
    height, width = canvas_shape(image.shape[0], image.shape[1], angle)
    return height * width
