"""Is the text of a page still legible once the page has the size of the detection network's input?"""

from __future__ import annotations

from math import ceil

import numpy as np

__all__ = ["smallest_legible_pixels"]

LEGIBLE_TEXT_PIXELS = 7
"""Font size, in pixels of the network's input, from which words are found: 97 of 100 at 7, 87 at 6, 7 at 5, none at 4
(rendered pages of 700 pixels' width and 4 to 10 times that height, the bundled pair)."""
MIN_SHORT_SIDE_PIXELS = 180
"""A page that is narrower in the network's input is not legible: a receipt has about 50 characters a line, and so a
font size of a 28th of its width, which is a bit over 6 pixels here. This is 5.7 times as high as wide; the longest
real receipt at hand is 3.5 times."""
MIN_MEDIAN_BOX_PIXELS = 8.5
"""Boxes of text of 6 pixels are 8 high, those of 7 pixels 9; on real pages the median box has 11 or more. Where the
median is lower, smaller words of the page were missed, and of those found every third was misread."""


def smallest_legible_pixels(
    page_shape: tuple[int, int],
    boxes: np.ndarray,
    *,
    input_shape: tuple[int, int],
    preserve_aspect_ratio: bool,
    tile_shape: tuple[int, int] | None = None,
) -> int | None:
    """Returns the font size on the page, in pixels, below which its text was lost; None where it is legible.

    Args:
        page_shape: height and width of the page, in pixels.
        boxes: of its words, (N, 4) or (N, 4, 2), relative to the page.
        input_shape: height and width of the detection network's input.
        preserve_aspect_ratio: whether the page keeps the ratio of its sides there.
        tile_shape: height and width of the parts in which it was looked at, if it was not as a whole.
    """
    seen_shape = tile_shape or page_shape
    scales = np.array(input_shape) / seen_shape
    vertical, horizontal = np.full(2, scales.min()) if preserve_aspect_ratio else scales
    is_too_narrow = min(seen_shape) * vertical < MIN_SHORT_SIDE_PIXELS <= min(input_shape)
    heights = _text_heights(boxes, np.array([page_shape[1] * horizontal, page_shape[0] * vertical]))
    is_too_small = len(heights) > 0 and float(np.median(heights)) < MIN_MEDIAN_BOX_PIXELS
    is_shrunk = vertical < 1  # a small page is enlarged: what cannot be read there has too few pixels itself
    return ceil(LEGIBLE_TEXT_PIXELS / vertical) if is_shrunk and (is_too_narrow or is_too_small) else None


def _text_heights(boxes: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Height of each box where the page has this width and height; of a turned one its shorter side."""
    if boxes.ndim == 2:
        return (boxes[:, 3] - boxes[:, 1]) * size[1]
    corners = boxes * size
    return np.minimum(
        np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1),
        np.linalg.norm(corners[:, 1] - corners[:, 2], axis=-1),
    )
