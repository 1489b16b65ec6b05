"""Sizes of turned boxes; pictures fitted into a square."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

__all__ = ["letterbox", "resized", "turned_size"]


def turned_size(w: float, h: float, angle: float) -> tuple[float, float]:
    """Return width and height of the upright box around a box turned by an angle, in radians up to a quarter turn."""
    cos, sin = math.cos(angle), abs(math.sin(angle))
    return w * cos + h * sin, h * cos + w * sin


def resized(image: np.ndarray, size: tuple[int, int], scale: float) -> np.ndarray:
    """Resize to (width, height); where `scale`, how much wider it gets, is below 1, areas are averaged."""
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def letterbox(
    image: np.ndarray, side: int, whole: Callable[[float], int] = int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resize into a square with the aspect kept, and pad evenly with black; `whole` rounds width and height.

    Returns the picture (side, side, 3), and by what to scale and then move (x, y) of the former one, both (2,).
    """
    h, w = image.shape[:2]
    scale = side / max(h, w)
    nw, nh = (max(1, min(side, whole(length * scale))) for length in (w, h))
    left, top = (side - nw) // 2, (side - nh) // 2
    small = resized(image, (nw, nh), scale)
    out = np.zeros((side, side, 3), np.uint8)
    out[top : top + nh, left : left + nw] = small if small.ndim == 3 else small[..., None]
    return out, np.array([nw / w, nh / h], np.float32), np.array([left, top], np.float32)
