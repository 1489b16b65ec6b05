"""Pages turned upright of which each point is known on the page as it came: docTR's, on a canvas of bounded size."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import cv2
import numpy as np

from doctr_serve.inference.stages.canvas import (
    Shape,
    expanded_shape,
    pixels,
    quarters_of,
    rotation_on,
    scaled,
    turned_on,
)
from doctr_serve.inference.stages.detected_page import Origin

__all__ = ["MAX_GROWTH", "UprightPage", "most_turned_pixels", "straightened_with_way_back"]

MAX_GROWTH = 4
"""Pixels of docTR's upright page per pixel of the page. A4 has 3 at most, and legal paper 3.7; a sideways page that is
7.5 times as long as wide would have 53, nearly all of them padding, in which no word of it would be found."""


@dataclass(frozen=True)
class UprightPage:
    """A page that was turned upright.

    Attributes:
        image: the upright page, (H, W, 3) uint8, C-contiguous.
        scale: of it to the page as it came: 1, or less than that.
        origin: the way back to the page as it came; None where it is not kept.
    """

    image: np.ndarray
    scale: float
    origin: Origin | None = None


def straightened_with_way_back(image: np.ndarray, angle: float, max_pixels: int) -> UprightPage:
    """Turns a page as docTR does where boxes are to be those of the page as it came.

    docTR's ``straighten_page`` (doctr/utils/geometry.py) cuts the turned page at the left and at the top, and pads it
    at the right and at the bottom, to the ratio of the sides that it had before. Where that keeps within the limit and
    ``MAX_GROWTH``, so it is done here. Elsewhere the page is turned by right angles first, is cut at all sides and not
    padded, and is scaled down if that is not enough.

    Args:
        image: the page, (H, W, 3) uint8.
        angle: degrees to turn it, counter-clockwise.
        max_pixels: largest canvas, and largest upright page.
    """
    if angle == 0:
        return UprightPage(image, 1.0, Origin(image, np.eye(3)))
    page = _Turn.of(image.shape[0], image.shape[1], angle)
    padded = page.shape_with_padding()
    if max(pixels(page.canvas), pixels(padded)) <= min(max_pixels, MAX_GROWTH * pixels(page.page)):
        upright = page.cut_out(image, padded)
        return UprightPage(upright, 1.0, Origin(image, np.linalg.inv(page.forward)))
    return _within(image, angle, max_pixels)


def most_turned_pixels(page_pixels: int, max_pixels: int) -> int:
    """Returns a bound of the pixels that there are at a time while a page is turned, beside its own."""
    # Its canvas before and after, or the canvas and what is cut out of it.
    return 2 * min(MAX_GROWTH * page_pixels, max_pixels)


def _within(image: np.ndarray, angle: float, max_pixels: int) -> UprightPage:
    """Returns the page on as small a canvas as it needs, or smaller."""
    original = image
    quarters, angle = quarters_of(angle)
    forward = _right_angles(image.shape[0], image.shape[1], quarters)
    image = np.ascontiguousarray(np.rot90(image, quarters))
    height, width = image.shape[:2]
    if angle == 0:
        return UprightPage(image, 1.0, Origin(original, np.linalg.inv(forward)))
    image, scale = scaled(image, max_pixels / pixels(expanded_shape((height, width), angle)))
    shrunk = np.diag([image.shape[1] / width, image.shape[0] / height, 1.0])
    page = _Turn.of(image.shape[0], image.shape[1], angle)
    upright = page.cut_out(image, page.shape_without_padding)
    return UprightPage(upright, scale, Origin(original, np.linalg.inv(page.forward @ shrunk @ forward)))


@dataclass(frozen=True)
class _Turn:
    """A page of some shape, turned on its canvas.

    Attributes:
        page: its shape before.
        angle: degrees, counter-clockwise.
        canvas: shape of the canvas.
        left: first column of the canvas that has something of the turned page.
        top: first row likewise.
        shape_without_padding: what the turned page takes of the canvas from there.
        forward: (3, 3), takes points (x, y, 1) of the page to those of the turned page, counted from left and top.
    """

    page: Shape
    angle: float
    canvas: Shape
    left: int
    top: int
    shape_without_padding: Shape
    forward: np.ndarray

    @classmethod
    def of(cls, height: int, width: int, angle: float) -> _Turn:
        """Returns the turn of a page of this shape."""
        canvas = expanded_shape((height, width), angle)
        placed = _moved((canvas[1] - width) // 2, (canvas[0] - height) // 2)
        turned = np.vstack([rotation_on(canvas, angle), [0, 0, 1]]) @ placed
        corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]])
        columns, rows, _ = turned @ corners.T
        left, top = max(0, floor(columns.min())), max(0, floor(rows.min()))
        shape = min(canvas[0], ceil(rows.max())) - top, min(canvas[1], ceil(columns.max())) - left
        return cls((height, width), angle, canvas, left, top, shape, _moved(-left, -top) @ turned)

    def shape_with_padding(self) -> Shape:
        """Returns the shape of docTR's upright page: it pads the canvas to the page's ratio, and cuts it then."""
        (height, width), (canvas_height, canvas_width) = self.page, self.canvas
        below = beside = 0
        if self.canvas != self.page and canvas_height / canvas_width > height / width:
            beside = int(canvas_height * width / height - canvas_width)
        elif self.canvas != self.page:
            below = int(canvas_width * height / width - canvas_height)
        return canvas_height + below - self.top, canvas_width + beside - self.left

    def cut_out(self, image: np.ndarray, shape: Shape) -> np.ndarray:
        """Returns the turned page from left and top on, in an image of this shape; it is black beyond the canvas."""
        height, width = shape
        turned = turned_on(self.canvas, image, self.angle)[self.top :, self.left :][:height, :width]
        below, beside = height - turned.shape[0], width - turned.shape[1]
        return cv2.copyMakeBorder(turned, 0, below, 0, beside, cv2.BORDER_CONSTANT)


def _moved(right: float, down: float) -> np.ndarray:
    return np.array([[1, 0, right], [0, 1, down], [0, 0, 1]], np.float64)


def _right_angles(height: int, width: int, quarters: int) -> np.ndarray:
    """Returns what ``np.rot90`` does to the points (x, y, 1) of a page, (3, 3)."""
    forward = np.eye(3)
    for _ in range(quarters % 4):
        forward = np.array([[0, 1, 0], [-1, 0, width], [0, 0, 1]]) @ forward
        height, width = width, height
    return forward
