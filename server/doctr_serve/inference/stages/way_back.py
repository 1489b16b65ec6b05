"""Pages turned upright of which each point is known on the page as it came: docTR's, on a canvas of bounded size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from doctr_serve.inference.stages.canvas import (
    MAX_GROWTH,
    Turn,
    largest_canvas,
    most_turned_pixels,
    pixels,
    turned_within,
)
from doctr_serve.inference.stages.detected_page import Origin

__all__ = ["MAX_GROWTH", "UprightPage", "most_turned_pixels", "straightened_with_way_back"]


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
    turn = Turn.of(image.shape[0], image.shape[1], angle)
    padded, limit = turn.shape_with_padding(), largest_canvas(pixels(turn.page), max_pixels)
    if max(pixels(turn.canvas), pixels(padded)) <= limit:
        upright = turn.cut_out(image, padded)
        return UprightPage(upright, 1.0, Origin(image, np.linalg.inv(turn.forward)))
    bounded = turned_within(image, angle, limit)
    return UprightPage(bounded.image, bounded.scale, Origin(image, np.linalg.inv(bounded.forward)))
