"""Pages turned upright, as a request asks for it: with a way back to the page as it came, or without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.stages.straightening import straightened
from doctr_serve.inference.stages.way_back import UprightPage, most_turned_pixels, straightened_with_way_back

__all__ = ["PageTurner"]


class PageTurner:
    """Turns pages.

    Args:
        keeps_way_back: whether each point of an upright page must be known on the page as it came.
        max_pixels: largest canvas on which a page is turned.
        interrupt: the request's stop signal, looked at before each page.
    """

    def __init__(self, *, keeps_way_back: bool, max_pixels: int, interrupt: Interrupt) -> None:
        self._keeps_way_back = keeps_way_back
        self._max_pixels = max_pixels
        self._interrupt = interrupt

    def upright(self, images: Sequence[np.ndarray], angles: Sequence[int]) -> list[UprightPage]:
        """Returns pages, (H, W, 3) uint8, turned counter-clockwise by these degrees."""
        return [self._turned(image, angle) for image, angle in zip(images, angles, strict=True)]

    def turned_pixels(self, pixels: int) -> int:
        """Returns a bound of the pixels there are at a time, beside its own, while a page of ``pixels`` is turned."""
        return most_turned_pixels(pixels, self._max_pixels) if self._keeps_way_back else 2 * pixels

    def _turned(self, image: np.ndarray, angle: int) -> UprightPage:
        self._interrupt.check()
        if self._keeps_way_back:
            return straightened_with_way_back(image, angle, self._max_pixels)
        return UprightPage(*straightened(image, angle, self._max_pixels))
