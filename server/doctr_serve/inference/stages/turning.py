"""Pages turned upright, as a request asks for it: with a way back to the page as it came, or without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.stages.canvas import (
    Shape,
    largest_canvas,
    most_turned_pixels,
    most_upright_pixels,
    pixels,
)
from doctr_serve.inference.stages.straightening import straightened
from doctr_serve.inference.stages.way_back import UprightPage, straightened_with_way_back

__all__ = ["MAX_UPRIGHT_PIXELS", "PageTurner", "TooMuchUprightError", "TurnedPixels", "is_copy"]

MAX_UPRIGHT_PIXELS = 32_000_000
"""Pixels of the upright pages of a batch together, 96 MB: twice those that fill a batch of decoded pages, which
pages that are skewed or lie on their side rarely need."""


class TooMuchUprightError(Exception):
    """The pages of a batch are too large to be held together once they are upright; each alone is not."""


@dataclass(frozen=True)
class TurnedPixels:
    """What there is of upright pages, bounded; in pixels.

    Attributes:
        largest: of the largest upright page.
        held: of all upright pages that are held together.
        turning: beside ``held``, while a page is turned.
    """

    largest: int
    held: int
    turning: int


class PageTurner:
    """Turns pages.

    Args:
        keeps_way_back: whether each point of an upright page must be known on the page as it came.
        max_pixels: largest canvas on which a page is turned; it also has ``MAX_GROWTH``.
        interrupt: the request's stop signal, looked at before each page.
    """

    def __init__(self, *, keeps_way_back: bool, max_pixels: int, interrupt: Interrupt) -> None:
        self._keeps_way_back = keeps_way_back
        self._max_pixels = max_pixels
        self._interrupt = interrupt

    def upright(self, images: Sequence[np.ndarray], angles: Sequence[int]) -> list[UprightPage]:
        """Returns pages, (H, W, 3) uint8, turned counter-clockwise by these degrees.

        Raises:
            TooMuchUprightError: there are several pages, and they would have more than ``MAX_UPRIGHT_PIXELS``.
        """
        pages: list[UprightPage] = []
        held = 0
        for image, angle in zip(images, angles, strict=True):
            self._interrupt.check()
            page = self._turned(image, angle)
            pages.append(page)
            held += pixels(page.image.shape[:2]) * is_copy(page.image, image)
            if held > MAX_UPRIGHT_PIXELS and len(images) > 1:
                raise TooMuchUprightError
        return pages

    def turned_pixels(self, shapes: Sequence[Shape]) -> TurnedPixels:
        """Returns a bound of what there is beside the pages as they came while a batch of these shapes is turned."""
        canvases = [self._largest_canvas(shape) for shape in shapes]
        largest = max(canvases, default=0)
        return TurnedPixels(
            largest=largest,
            # The page that is one too many is held, too, until that is seen.
            held=min(sum(canvases), MAX_UPRIGHT_PIXELS + largest),
            # A second canvas, and the page turned by right angles.
            turning=largest + max(map(pixels, shapes), default=0),
        )

    def _largest_canvas(self, shape: Shape) -> int:
        at_any_angle = most_upright_pixels(shape, is_padded=self._keeps_way_back)
        return min(at_any_angle, most_turned_pixels(pixels(shape), self._max_pixels) // 2)

    def _turned(self, image: np.ndarray, angle: int) -> UprightPage:
        max_pixels = largest_canvas(pixels(image.shape[:2]), self._max_pixels)
        if self._keeps_way_back:
            return straightened_with_way_back(image, angle, max_pixels)
        return UprightPage(*straightened(image, angle, max_pixels))


def is_copy(upright: np.ndarray, image: np.ndarray) -> bool:
    """Returns whether an upright page has pixels of its own beside those of the page as it came."""
    return not np.may_share_memory(upright, image)
