"""Which way up a page is: docTR's estimate, without the guesses of a classifier that does not know."""

from __future__ import annotations

import numpy as np
from doctr.models._utils import estimate_orientation

__all__ = ["page_orientation"]


def page_orientation(
    text_map: np.ndarray, guess: tuple[int, float], *, has_words: bool, min_confidence: float
) -> tuple[int, float | None]:
    """Returns a page's rotation in degrees, clockwise positive, and the confidence in it, 0 to 1.

    Below ``min_confidence`` a guess counts as none: the page is upright but for its skew, and there is no confidence to
    report. So it is for a page without words, whatever the classifier takes it for.

    Args:
        text_map: where the detection network sees text, (H, W, 1) uint8, 0 or 255.
        guess: in degrees (0, 90, 180 or -90) with its confidence; see :func:`.reading_direction.checked_guess`.
        has_words: whether words were found.
        min_confidence: 0 for docTR's own behaviour, which takes every guess from 0.2 on (``estimate_orientation`` of
            doctr/models/_utils.py).
    """
    degrees, confidence = guess
    if min_confidence > 0:
        if not has_words:
            return 0, None
        if confidence < min_confidence:
            return estimate_orientation(text_map, (0, confidence)), None
    return estimate_orientation(text_map, (degrees, confidence)), confidence
