"""What the detector learns to draw: for each word a shrunk kernel from which docTR's post-processing finds the box.

docTR grows each region it finds by `1.5 * area / perimeter`. Its own training shrinks words by more than that undoes
(ratio 0.4 leaves a sixth of the height, which comes back as two fifths). The kernels here are shrunk by exactly what
the post-processing grows, so that boxes come back whole, and they are two fifths of the height, easier to learn.
"""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["UNCLIP", "draw_targets", "inset"]

UNCLIP = 1.5
_FINE = 2  # kernels are drawn this much finer, then averaged: their edges are soft where they cross pixels
_MARGIN = 0.3  # OpenCV's polygons hold their border, and the post-processing adds about a pixel to each side
# How far kernels stand left of and above their words, in pixels. docTR's `bitmap_to_boxes` moves straight boxes 0.3
# right and down, but polygons 1 left and up: `cv2.minAreaRect` runs through the middles of pixels, and pyclipper cuts
# off fractions. So words of level lines get a bias between the two, those of tilted lines one for polygons alone.
_BIAS, _BIAS_TILTED = 0.1, -1.0
_LEVEL_DEGREES, _TILTED_DEGREES = 1.5, 4.5
_SHIFT = 4  # fractional bits of the coordinates that OpenCV draws with


def inset(w: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Return by how much to shrink boxes of the given sizes so that growing them by the unclip ratio restores them.

    Solves d = r/2 * (w-2d)(h-2d) / ((w-2d) + (h-2d)) for d.
    """
    half, s, p = UNCLIP / 2, w + h, w * h
    a, b = 4 + 4 * half, (1 + 2 * half) * s
    return (b - np.sqrt(np.maximum(0, b * b - 4 * a * half * p))) / (2 * a)


def _resized(quads: np.ndarray, by_w: np.ndarray, by_h: np.ndarray) -> np.ndarray:
    """Return quadrilaterals grown by the given lengths on each side, along their own axes."""
    center = quads.mean(1, keepdims=True)
    right = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2
    down = (quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1]) / 2
    w, h = np.linalg.norm(right, axis=1), np.linalg.norm(down, axis=1)
    right *= (np.maximum(0.6, w + 2 * by_w) / np.maximum(w, 1e-3))[:, None] / 2
    down *= (np.maximum(0.6, h + 2 * by_h) / np.maximum(h, 1e-3))[:, None] / 2
    corners = np.stack([-right - down, right - down, right + down, -right + down], 1)
    return center + corners


def _fill(canvas: np.ndarray, quads: np.ndarray, value: int, scale: float) -> None:
    points = np.round((quads * scale - 0.5) * (1 << _SHIFT)).astype(np.int32)
    for polygon in points:
        cv2.fillConvexPoly(canvas, polygon, value, cv2.LINE_8, _SHIFT)


def _bias(quads: np.ndarray) -> np.ndarray:
    """Return how far to move each kernel left and up (n, 1, 1), by the tilt of its word from the page's axes."""
    x, y = (quads[:, 1] - quads[:, 0]).T
    tilt = np.abs((np.degrees(np.arctan2(y, x)) + 45) % 90 - 45)
    share = np.clip((tilt - _LEVEL_DEGREES) / (_TILTED_DEGREES - _LEVEL_DEGREES), 0, 1)
    return (_BIAS + share * (_BIAS_TILTED - _BIAS))[:, None, None]


def draw_targets(quads: np.ndarray, size: int, smallest: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernels (0 to 255) and the weights of pixels (16 is 1) of a square page.

    Pixels around kernels weigh more, most between the ends of neighbours; words lower than `smallest` weigh nothing.
    """
    weight = np.full((size, size), 16, np.uint8)
    fine = np.zeros((size * _FINE, size * _FINE), np.uint8)
    if len(quads) == 0:
        return fine[::_FINE, ::_FINE].copy(), weight
    w = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    h = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    _fill(weight, _resized(quads, 0.35 * h, 0.12 * h), 40, 1.0)
    short = np.minimum(w, h)
    good = short >= smallest
    d = inset(w, h) + _MARGIN
    _fill(fine, _resized(quads[good], -d[good], -d[good]) - _bias(quads[good]), 255, _FINE)
    _fill(weight, _resized(quads[~good], 0.1 * h[~good], 0.1 * h[~good]), 0, 1.0)
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA), weight
