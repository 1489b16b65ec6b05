"""Batches of turned words and pages for the orientation classifiers.

Class k is what `numpy.rot90(upright, k)` shows.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from synth import pages, words
from synth.geometry import letterbox, resized

__all__ = ["SIZE", "padded", "rounds"]

Round = Callable[[random.Random, int], list[Any]]

SIZE = {"crop": 256, "page": 512}


def padded(image: np.ndarray, size: int) -> np.ndarray:
    """Resize as docTR does for classifiers: keep the ratio, pad with black on both sides alike."""
    return letterbox(image, size)[0]


def _word(rng: random.Random) -> np.ndarray:
    """Render a word, most often one that tells its direction: two letters or more, wider than high.

    Short ones come too, since docTR asks about them as well: what they look like in all directions leaves the choice
    to the shares that `export.py` expects.
    """
    short = rng.random() < 0.3
    while True:
        image, word, _ = words.crop_word(rng)
        signs, ratio = sum(c.isalnum() for c in word), image.shape[1] / image.shape[0]
        if (signs and ratio < 1.8) if short else (signs >= 2 and ratio >= 1.2):
            return image[:, : 8 * image.shape[0]]


def _turned(rng: random.Random, make: Callable[[], np.ndarray], count: int, turns: int) -> list[Any]:
    """Return a batch of `count` pictures, each in some of the four directions."""
    images, labels = [], []
    for _ in range(count):
        image = make()
        for turn in rng.sample(range(4), turns):
            images.append(np.rot90(image, turn))
            labels.append(turn)
    return [(np.stack(images), np.array(labels))]


def crop_round(rng: random.Random, index: int) -> list[Any]:
    """Return a batch of words, each in two directions."""
    return _turned(rng, lambda: padded(_word(rng), SIZE["crop"]), 20, 2)


def stacked_words(rng: random.Random) -> np.ndarray:
    """Fill a crop with words on top of each other, each as wide as a single one would be."""
    size, rows, left = SIZE["crop"], [], rng.choice((1, 2, 3, 6, 6))
    used = 0
    while left and used < size:
        word = _word(rng)
        height = max(1, size * word.shape[0] // word.shape[1])
        row = resized(word, (size, height), size / word.shape[1])
        rows.append(row if row.ndim == 3 else np.repeat(row[..., None], 3, 2))
        used, left = used + height, left - 1
    return padded(np.concatenate(rows)[:size], size)


def stacked_round(rng: random.Random, index: int) -> list[Any]:
    """Return a batch of crops of one to six words: one word alone rarely tells up from down to a beginner."""
    return _turned(rng, lambda: stacked_words(rng), 20, 2)


def _window(page: np.ndarray, rng: random.Random, size: int) -> np.ndarray:
    for _ in range(6):  # prefer windows with something on them
        y, x = (rng.randint(0, page.shape[0] - size) for _ in range(2))
        window = page[y : y + size, x : x + size]
        if window[::4, ::4].std() > 25:
            break
    return window


def page_round(rng: random.Random, index: int) -> list[Any]:
    """Return a batch of windows of pages, each page's in all four directions."""
    images, labels = [], []
    for _ in range(4):
        page = padded(pages.render_page(rng, turn=False).image, SIZE["page"])
        for turn in (0, 1, 2, 3) * 2:
            images.append(np.rot90(_window(page, rng, SIZE["page"] // 2), turn))
            labels.append(turn)
    return [(np.stack(images), np.array(labels))]


def whole_page_round(rng: random.Random, index: int) -> list[Any]:
    """Return a batch of whole pages, each in two directions."""
    return _turned(rng, lambda: padded(pages.render_page(rng, turn=False).image, SIZE["page"]), 6, 2)


def rounds(kind: str) -> tuple[Round, Round]:
    """Return the renderers of batches: the one to begin with, and the one of inputs as inference sees them."""
    return (stacked_round, crop_round) if kind == "crop" else (page_round, whole_page_round)
