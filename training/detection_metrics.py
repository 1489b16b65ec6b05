"""How well boxes match words on fixed rendered pages, over a range of thresholds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from doctr.models.detection.differentiable_binarization.base import DBPostProcessor
from torch import Tensor
from tqdm import tqdm

from synth.pages import SIZE, Page, render_page

__all__ = ["LEVELS", "box_f1", "count_hits", "evaluate", "validation_pages"]

LEVELS = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
_SEED = 20261


@cache
def validation_pages(count: int) -> tuple[Page, ...]:
    """Return fixed pages that training does not see."""
    rng, pages = random.Random(_SEED), []
    while len(pages) < count:
        page = render_page(rng)
        if len(page.quads) > 10 and _upright(page):
            pages.append(page)
    return tuple(pages)


def _upright(page: Page) -> bool:
    """Return whether words lie straight and are large enough to be found."""
    along, down = page.quads[:, 1] - page.quads[:, 0], page.quads[:, 3] - page.quads[:, 0]
    tilt = np.abs(along[:, 1]) / np.maximum(1, np.abs(along[:, 0]))
    return bool(np.median(tilt) < 0.08 and np.median(np.linalg.norm(down, axis=1)) > 6)


def count_hits(found: np.ndarray, truth: np.ndarray, level: float = 0.5) -> int:
    """Return how many boxes (x0, y0, x1, y1) meet a word's box one to one, by intersection over union."""
    if not len(found) or not len(truth):
        return 0
    low = np.maximum(found[:, None, :2], truth[None, :, :2])
    high = np.minimum(found[:, None, 2:4], truth[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(-1)
    area = (found[:, 2:4] - found[:, :2]).prod(-1)[:, None] + (truth[:, 2:] - truth[:, :2]).prod(-1)[None]
    iou = both / np.maximum(area - both, 1e-6)
    return int((iou.max(0) > level).sum())


def boxes_at(score: np.ndarray, level: float) -> np.ndarray:
    """Return the boxes, in pixels, that docTR finds where the logits pass a level."""
    p = 1 / (
        1 + np.exp(-(score - level + np.log(0.1 / 0.9)))
    )  # the level becomes the contract's threshold, 0.1
    post = DBPostProcessor(box_thresh=0.1, bin_thresh=0.1, assume_straight_pages=True)
    found = post(p[None, :, :, None].astype(np.float32))[0][0]
    return found[:, :4] * SIZE


def box_f1(hits: int, found: int, truth: int) -> float:
    """Return the harmonic mean of precision and recall."""
    return 2 * hits / max(1, found + truth)


def evaluate(
    forward: Callable[[np.ndarray], Tensor], count: int, levels: Sequence[float] = LEVELS
) -> dict[str, float]:
    """Return the box F1 at each level of the logits and the best level."""
    sums = np.zeros((len(levels), 3))
    for page in tqdm(validation_pages(count), desc="validation", leave=False):
        truth = np.concatenate([page.quads.min(1), page.quads.max(1)], 1)
        with torch.inference_mode():
            score = forward(page.image[None])[0, 0].float().numpy()
        for i, level in enumerate(levels):
            found = boxes_at(score, level)
            sums[i] += count_hits(found, truth), len(found), len(truth)
    f1 = [box_f1(*row) for row in sums]
    best = int(np.argmax(f1))
    row = {f"f1@{level:g}": round(value, 4) for level, value in zip(levels, f1, strict=True)}
    return {"box_f1": round(f1[best], 4), "level": levels[best], **row}
