"""Pages turned by any angle: what docTR's turns, right angles and scaling share."""

from __future__ import annotations

from math import ceil, sqrt

import cv2
import numpy as np
from doctr.utils.geometry import compute_expanded_shape

from doctr_serve.inference.stages.preprocessing import LARGE_IMAGE_PIXELS

__all__ = ["expanded_shape", "pixels", "quarters_of", "rotation_on", "scaled", "turned_on"]

Shape = tuple[int, int]
"""Height and width, in pixels."""


def expanded_shape(page: Shape, angle: float) -> Shape:
    """Returns the canvas that holds a page before and after docTR turns it by an angle in degrees."""
    height, width = page
    turned_height, turned_width = compute_expanded_shape(page, angle)
    return (
        height + max(0, ceil(turned_height - height)),
        width + max(0, ceil(turned_width - width)),
    )


def pixels(shape: Shape) -> int:
    """Returns how many pixels there are."""
    height, width = shape
    return height * width


def quarters_of(angle: float) -> tuple[int, float]:
    """Returns the right angles nearest to an angle, and the degrees that are left: 45 at most."""
    quarters = round(angle / 90)
    return quarters, angle - 90 * quarters


def scaled(image: np.ndarray, share: float) -> tuple[np.ndarray, float]:
    """Returns an image with this share of its pixels, and the scale of its sides; it is never enlarged."""
    scale = min(1.0, sqrt(share))
    if scale < 1:
        height, width = (max(1, int(side * scale)) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return image, scale


def rotation_on(canvas: Shape, angle: float) -> np.ndarray:
    """Returns what turns points (x, y, 1) of a canvas, (2, 3), counter-clockwise around its centre."""
    height, width = canvas
    return cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)


def turned_on(canvas: Shape, image: np.ndarray, angle: float) -> np.ndarray:
    """Returns the canvas with the image on it, which was put in its middle and turned: docTR's pixels."""
    height, width = canvas
    rotation = rotation_on(canvas, angle)
    above, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    if pixels(canvas) > LARGE_IMAGE_PIXELS:
        # As below, but for a level of 255 at most, and without a copy of the page on its canvas.
        back = cv2.invertAffineTransform(rotation) - [[0, 0, left], [0, 0, above]]
        return cv2.warpAffine(image, back, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    below, right = height - image.shape[0] - above, width - image.shape[1] - left
    if below or right:
        image = cv2.copyMakeBorder(image, above, below, left, right, cv2.BORDER_CONSTANT)
    return cv2.warpAffine(image, rotation, (width, height))
