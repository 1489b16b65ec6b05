"""Batches of turned words and pages for the orientation classifiers.

Class k is what `numpy.rot90(upright, k)` shows.
"""

from __future__ import annotations

import random
from typing import Any

import cv2
import numpy as np

from synth import pages, words

__all__ = ["SIZE", "crop_round", "padded", "page_round", "rounds", "whole_page_round"]

SIZE = {"crop": 256, "page": 512}


def padded(image: np.ndarray, size: int) -> np.ndarray:
    """Resize as docTR does for classifiers: keep the ratio, pad with black on both sides alike."""
    h, w = image.shape[:2]
    scale = size / max(h, w)
    nh, nw = max(1, int(h * scale)), max(1, int(w * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, (nw, nh), interpolation=how)
    out = np.zeros((size, size, 3), np.uint8)
    top, left = (size - nh) // 2, (size - nw) // 2
    out[top : top + nh, left : left + nw] = small if small.ndim == 3 else small[..., None]
    return out


def crop_round(rng: random.Random, index: int) -> list[Any]:
    """Return a batch of words, each in two or more of the four directions."""
    images, labels = [], []
    while len(images) < 48:
        image, word, _ = words.crop_word(rng)
        if sum(c.isalnum() for c in word) < 2 or image.shape[1] < 1.2 * image.shape[0]:
            continue
        if image.shape[1] > 8 * image.shape[0]:
            image = image[:, : 8 * image.shape[0]]
        for turn in rng.sample(range(4), 2):
            images.append(np.rot90(padded(image, SIZE["crop"]), turn))
            labels.append(turn)
    return [(np.stack(images), np.array(labels))]


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
    images, labels = [], []
    for _ in range(6):
        page = padded(pages.render_page(rng, turn=False).image, SIZE["page"])
        for turn in rng.sample(range(4), 2):
            images.append(np.rot90(page, turn))
            labels.append(turn)
    return [(np.stack(images), np.array(labels))]


def rounds(kind: str) -> Any:
    """Return the renderer of batches as inference sees them."""
    return crop_round if kind == "crop" else whole_page_round
