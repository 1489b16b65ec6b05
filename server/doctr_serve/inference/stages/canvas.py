"""Pages turned by any angle, on a canvas that has a limit: what both of docTR's ways to turn them share."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, sqrt

import cv2
import numpy as np
from doctr.utils.geometry import compute_expanded_shape

from doctr_serve.inference.stages.preprocessing import LARGE_IMAGE_PIXELS

__all__ = [
    "MAX_GROWTH",
    "BoundedTurn",
    "Shape",
    "Turn",
    "expanded_shape",
    "largest_canvas",
    "most_turned_pixels",
    "most_upright_pixels",
    "pixels",
    "turned_on",
    "turned_within",
]

Shape = tuple[int, int]
"""Height and width, in pixels."""
MAX_GROWTH = 4.5
"""Pixels of a canvas per pixel of its page. At any angle docTR's has 2.1 for A4, and 4.2 for a page four times as long
as wide; with the padding that it adds where boxes are mapped back, 3 for A4 and 3.7 for legal paper. A sideways page
that is 7.5 times as long as wide would have 53 then, nearly all of them padding, in which no word would be found."""


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


def largest_canvas(page_pixels: int, max_pixels: int) -> int:
    """Returns the pixels that the canvas of a page may have.

    Args:
        page_pixels: the page's.
        max_pixels: of any canvas.
    """
    return min(int(MAX_GROWTH * page_pixels), max_pixels)


def most_turned_pixels(page_pixels: int, max_pixels: int) -> int:
    """Returns a bound of the pixels of canvases that there are at a time while a page is turned; see ``MAX_GROWTH``."""
    # Its canvas before and after, or the canvas and what is cut out of it.
    return 2 * largest_canvas(page_pixels, max_pixels)


def most_upright_pixels(page: Shape, *, is_padded: bool) -> int:
    """Returns a bound of the pixels of a page, and of its canvas, turned as docTR does by any angle.

    Args:
        page: its shape.
        is_padded: whether docTR pads the canvas to the ratio of the page's sides.
    """
    height, width = (max(1, side) for side in page)
    angles = np.radians(np.arange(91))  # beyond, the sides are the same again
    canvas_heights = np.maximum(height, np.ceil(height * np.cos(angles) + width * np.sin(angles)) + 1)
    canvas_widths = np.maximum(width, np.ceil(width * np.cos(angles) + height * np.sin(angles)) + 1)
    areas = canvas_heights * canvas_widths
    if is_padded:
        areas = np.maximum(canvas_heights**2 * width / height, canvas_widths**2 * height / width)
    return ceil(areas.max())


@dataclass(frozen=True)
class BoundedTurn:
    """A page that was turned on as small a canvas as it needs, or smaller.

    Attributes:
        image: the turned page, (H, W, 3) uint8, C-contiguous, cut at all sides.
        scale: of it to the page as it came: 1, or less than that.
        forward: (3, 3), takes points (x, y, 1) of the page as it came to those of ``image``.
    """

    image: np.ndarray
    scale: float
    forward: np.ndarray


def turned_within(image: np.ndarray, angle: float, max_pixels: int) -> BoundedTurn:
    """Turns a page whose canvas would be too large.

    It is turned by right angles first, which needs no canvas, so that at most 45 degrees are left; if that is not
    enough, it is scaled down.

    Args:
        image: the page, (H, W, 3) uint8.
        angle: degrees to turn it, counter-clockwise.
        max_pixels: largest canvas.
    """
    quarters, angle = _quarters_of(angle)
    forward = _right_angles(image.shape[0], image.shape[1], quarters)
    image = np.ascontiguousarray(np.rot90(image, quarters))
    if angle == 0:
        return BoundedTurn(image, 1.0, forward)
    height, width = image.shape[:2]
    image, scale = _scaled(image, max_pixels / pixels(expanded_shape((height, width), angle)))
    shrunk = np.diag([image.shape[1] / width, image.shape[0] / height, 1.0])
    turn = Turn.of(image.shape[0], image.shape[1], angle)
    upright = turn.cut_out(image, turn.shape_without_padding)
    return BoundedTurn(upright, scale, turn.forward @ shrunk @ forward)


def _quarters_of(angle: float) -> tuple[int, float]:
    """Returns the right angles nearest to an angle, and the degrees that are left: 45 at most."""
    quarters = round(angle / 90)
    return quarters, angle - 90 * quarters


def _scaled(image: np.ndarray, share: float) -> tuple[np.ndarray, float]:
    """Returns an image with this share of its pixels, and the scale of its sides; it is never enlarged."""
    scale = min(1.0, sqrt(share))
    if scale < 1:
        height, width = (max(1, int(side * scale)) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return image, scale


def _rotation_on(canvas: Shape, angle: float) -> np.ndarray:
    """Returns what turns points (x, y, 1) of a canvas, (2, 3), counter-clockwise around its centre."""
    height, width = canvas
    return cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)


def turned_on(canvas: Shape, image: np.ndarray, angle: float) -> np.ndarray:
    """Returns the canvas with the image on it, which was put in its middle and turned: docTR's pixels."""
    height, width = canvas
    rotation = _rotation_on(canvas, angle)
    above, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    if pixels(canvas) > LARGE_IMAGE_PIXELS:
        # As below, but for a level of 255 at most, and without a copy of the page on its canvas.
        back = cv2.invertAffineTransform(rotation) - [[0, 0, left], [0, 0, above]]
        return cv2.warpAffine(image, back, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    below, right = height - image.shape[0] - above, width - image.shape[1] - left
    if below or right:
        image = cv2.copyMakeBorder(image, above, below, left, right, cv2.BORDER_CONSTANT)
    return cv2.warpAffine(image, rotation, (width, height))


@dataclass(frozen=True)
class Turn:
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
    def of(cls, height: int, width: int, angle: float) -> Turn:
        """Returns the turn of a page of this shape."""
        canvas = expanded_shape((height, width), angle)
        placed = _moved((canvas[1] - width) // 2, (canvas[0] - height) // 2)
        turned = np.vstack([_rotation_on(canvas, angle), [0, 0, 1]]) @ placed
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
