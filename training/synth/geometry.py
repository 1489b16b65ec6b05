"""Sizes of turned boxes."""

from __future__ import annotations

import math

__all__ = ["turned_size"]


def turned_size(w: float, h: float, angle: float) -> tuple[float, float]:
    """Return width and height of the upright box around a box turned by an angle, in radians up to a quarter turn."""
    cos, sin = math.cos(angle), abs(math.sin(angle))
    return w * cos + h * sin, h * cos + w * sin
