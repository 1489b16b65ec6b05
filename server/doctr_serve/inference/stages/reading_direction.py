"""Which way up the words of a page read: a second look at a page of whose direction the classifier is not sure.

The classifier takes hardly any sideways page for an upright one, but some pages for upside down and the other way
round. Text that is upside down is read with less confidence, word by word; this tells both apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import sqrt

import numpy as np
from doctr.utils.geometry import detach_scores, extract_crops, extract_rcrops

__all__ = ["MAX_WORDS", "SURE_CONFIDENCE", "checked_guess"]

SURE_CONFIDENCE = 0.8
"""The classifier's confidence from which a page gets no second look. Of its wrong guesses for 400 real pages
(``benchmarks/orientation.py``) the surest had 0.74."""
MAX_WORDS = 32
"""Words that are read, each in both directions: they cost a sixth of the page's detection."""
MIN_ASPECT_RATIO = 1.5
"""A word is at least this many times as wide as high, and so tells along which axis it is written."""
MAX_ASPECT_RATIO = 8
"""docTR cuts wider crops into pieces (``split_crops``), which are as many forwards more."""
MIN_HEIGHT_PIXELS = 4
CHANCE_DEVIATIONS = 2
"""Standard deviations of a coin's tosses by which votes must differ from half and half to be believed."""

Guess = tuple[int, float]


def checked_guess(
    guess: Guess,
    image: np.ndarray,
    found: np.ndarray,
    read: Callable[[Iterable[np.ndarray]], list[tuple[str, float]]],
    *,
    min_confidence: float,
) -> Guess:
    """Returns a page's direction in degrees, 0, 90, 180 or -90, and the confidence in it, 0 to 1.

    It is the classifier's guess where that is sure. Elsewhere words are read both as the guess has them and upside
    down, and each is a vote for the direction in which it is read with more confidence; the confidence is the share of
    votes, with one more on either side, so that few words make no certainty. Where the votes may be chance, the guess
    stays as it is: words that are too few, or of a script that the recogniser does not know.

    Args:
        guess: the classifier's, degrees and confidence.
        image: the page, (H, W, 3) uint8 RGB.
        found: its words as docTR's detection returns them, (N, 5) or (N, 5, 2), relative to the page.
        read: takes crops one by one and returns text and confidence of each.
        min_confidence: confidence from which the guess will be believed; 0 for docTR's own behaviour, which is the
            guess.
    """
    degrees, confidence = guess
    if min_confidence == 0 or confidence >= max(SURE_CONFIDENCE, min_confidence):
        return guess
    words = read(_both_ways(_upright_crops(image, _longest_words(image, found, degrees), degrees)))
    gains = np.array([score for _, score in words[::2]]) - np.array([score for _, score in words[1::2]])
    votes, against = int((gains > 0).sum()), int((gains < 0).sum())
    if votes + against == 0 or abs(votes - against) < CHANCE_DEVIATIONS * sqrt(votes + against):
        return guess
    share = round((max(votes, against) + 1) / (votes + against + 2), 2)
    return (degrees if votes > against else _upside_down(degrees)), share


def _longest_words(image: np.ndarray, found: np.ndarray, degrees: int) -> np.ndarray:
    """Returns the boxes, without scores, of the longest words of a page that is turned by these degrees."""
    (boxes,), _ = detach_scores([found])
    size = np.array(image.shape[1::-1])
    if boxes.ndim == 2:
        lengths, heights = ((boxes[:, 2:] - boxes[:, :2]) * size).T
    else:
        corners = boxes * size
        lengths = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)
        heights = np.linalg.norm(corners[:, 1] - corners[:, 2], axis=-1)
    if degrees in (90, -90):
        lengths, heights = heights, lengths
    are_words = (
        (heights >= MIN_HEIGHT_PIXELS)
        & (lengths >= MIN_ASPECT_RATIO * heights)
        & (lengths < MAX_ASPECT_RATIO * heights)
    )
    words = np.flatnonzero(are_words)
    return boxes[words[np.argsort(-lengths[words], kind="stable")[:MAX_WORDS]]]


def _upright_crops(image: np.ndarray, boxes: np.ndarray, degrees: int) -> Iterator[np.ndarray]:
    """Yields the words' crops, (H, W, 3), one in memory at a time, upright if the page is turned by these degrees."""
    extract = extract_crops if boxes.ndim == 2 else extract_rcrops
    for index in range(len(boxes)):
        (crop,) = extract(image, boxes[index : index + 1])
        yield np.rot90(crop, degrees // 90)


def _both_ways(crops: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields each crop as it is, and upside down."""
    for crop in crops:
        yield crop
        yield np.rot90(crop, 2)


def _upside_down(degrees: int) -> int:
    """Returns the opposite direction: 0 and 180, 90 and -90."""
    return {0: 180, 180: 0, 90: -90, -90: 90}[degrees]
