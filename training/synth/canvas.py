"""A page being drawn: a mask of ink, and the quadrilaterals of the words on it.

Lengths that layouts give are in units of the detector's input, in which a page is 1024 high or wide; `Canvas.k` turns
them into the pixels of the scan, so that a page can be drawn finer than the detector sees it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image, ImageDraw

from .fonts import Face, get_font, pick_face
from .geometry import resized

__all__ = ["Canvas", "Style", "pick_style", "sheet_size"]


@dataclass(frozen=True)
class Style:
    """How a word is set: the face, its em size in pixels, stretches, letter spacing and the gap between words."""

    face: Face
    size: float
    wide: float = 1.0
    tall: float = 1.0
    spacing: float = 0.0  # added after each letter, in ems
    gap: float = 1.0  # factor of the space between words
    bold: bool = False

    def scaled(self, factor: float) -> Style:
        """Return the same style at another size."""
        return replace(self, size=self.size * factor)

    @property
    def em(self) -> float:
        """Height of a line of this style, without leading, in pixels."""
        return self.size * self.tall

    @property
    def space(self) -> float:
        """Return the distance between two words, in pixels."""
        font = get_font(self.face, max(5, round(self.size)))
        natural = max(font.getlength(" "), 0.2 * self.size) + self.spacing * self.size
        return max(natural * self.gap, 0.16 * self.size) * self.wide

    def width(self, text: str) -> float:
        """Return the advance of a word, in pixels."""
        font = get_font(self.face, max(5, round(self.size)))
        return (font.getlength(text) + self.spacing * self.size * len(text)) * self.wide

    def render(self, text: str) -> tuple[np.ndarray, tuple[int, int], tuple[float, float, float, float]]:
        """Return a word's mask, its offset from the origin on the base line, and its box around that origin.

        The box reaches at least from the base line to the height of capitals, whatever letters the word has.
        """
        font = get_font(self.face, max(5, round(self.size)))
        x0, y0, x1, y1 = font.getbbox(text, anchor="ls")
        cap = font.getbbox("H", anchor="ls")[1]
        extra = self.spacing * self.size
        width = int(x1 - x0 + extra * (len(text) - 1)) + 4
        image = Image.new("L", (max(3, width), max(3, int(y1 - y0) + 4)))
        draw = ImageDraw.Draw(image)
        if extra:
            x = 2.0 - x0
            for letter in text:
                draw.text((x, 2 - y0), letter, fill=255, font=font, anchor="ls")
                x += font.getlength(letter) + extra
        else:
            draw.text((2 - x0, 2 - y0), text, fill=255, font=font, anchor="ls")
        mask = np.asarray(image)
        if self.wide != 1 or self.tall != 1:
            size = max(2, round(mask.shape[1] * self.wide)), max(2, round(mask.shape[0] * self.tall))
            mask = resized(mask, size, self.wide)
        if self.bold:
            mask = cv2.dilate(mask, np.ones((1, 2), np.uint8))
        offset = round((x0 - 2) * self.wide), round((y0 - 2) * self.tall)
        end = x0 + width - 4
        box = x0 * self.wide, min(y0, cap) * self.tall, end * self.wide, max(y1, 0) * self.tall
        return mask, offset, box


def pick_style(rng: random.Random, size: float, *kinds: str) -> Style:
    """Pick a face and its setting at an em size in pixels; about half of the styles are plain."""
    r = rng.random()
    return Style(
        face=pick_face(rng, *kinds),
        size=size,
        wide=rng.uniform(0.72, 1.35) if rng.random() < 0.3 else 1.0,
        tall=rng.uniform(0.9, 1.4) if rng.random() < 0.15 else 1.0,
        spacing=rng.uniform(0.02, 0.22) if r < 0.22 else rng.uniform(-0.06, -0.01) if r < 0.3 else 0.0,
        gap=rng.uniform(0.6, 1.0) if rng.random() < 0.4 else rng.uniform(1.0, 1.6),
        bold=rng.random() < 0.12 and size > 13,
    )


def sheet_size(
    rng: random.Random, upright: tuple[float, float], lying: tuple[float, float]
) -> tuple[float, float]:
    """Return width and height of a sheet, upright most often; the ranges are of its shorter side over its longer."""
    if rng.random() < 0.85:
        return 1024 * rng.uniform(*upright), 1024.0
    return 1024.0, 1024 * rng.uniform(*lying)


class Canvas:
    """A sheet with ink on it."""

    def __init__(self, rng: random.Random, w: float, h: float, k: float = 1.0) -> None:
        """Start a blank sheet of `w` by `h` units, at `k` pixels a unit."""
        self.rng, self.k = rng, k
        self.w, self.h = max(8, round(w * k)), max(8, round(h * k))
        self.ink = np.zeros((self.h, self.w), np.uint8)
        self.quads: list[np.ndarray] = []

    def style(self, units: float, *kinds: str) -> Style:
        """Pick a style by its em size in units."""
        return pick_style(self.rng, units * self.k, *kinds)

    def stamp(self, mask: np.ndarray, x: int, y: int, erase: bool = False) -> bool:
        """Lay a mask down with its corner at x, y; `erase` takes ink away instead. Return whether it lay inside."""
        h, w = mask.shape
        ax, ay, bx, by = max(0, x), max(0, y), min(self.w, x + w), min(self.h, y + h)
        if ax >= bx or ay >= by:
            return False
        part, spot = mask[ay - y : by - y, ax - x : bx - x], self.ink[ay:by, ax:bx]
        if erase:
            np.minimum(spot, 255 - part, out=spot)
        else:
            np.maximum(spot, part, out=spot)
        return (bx - ax) * (by - ay) > 0.6 * w * h

    def word(
        self, x: float, y: float, text: str, style: Style, erase: bool = False, label: bool = True
    ) -> float:
        """Set a word with its origin at x on the base line y; return its advance (0 if nothing could be set)."""
        text = style.face.clean(text).strip()
        if not text:
            return 0.0
        mask, (dx, dy), (x0, y0, x1, y1) = style.render(text)
        inside = self.stamp(mask, round(x) + dx, round(y) + dy, erase)
        if inside and label:
            x, y = round(x), round(y)
            narrow = max(0.0, 0.3 * (y1 - y0) - (x1 - x0)) / 2
            slack = 0.06 * (y1 - y0) + 0.4 * self.k
            x0, x1, y0, y1 = x + x0 - slack - narrow, x + x1 + slack + narrow, y + y0 - slack, y + y1 + slack
            self.quads.append(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32))
        return style.width(text)

    def line(
        self,
        x0: float,
        y: float,
        x1: float,
        words: Sequence[str],
        style: Style,
        align: str = "l",
        erase: bool = False,
    ) -> float:
        """Set words between x0 and x1, dropping those that do not fit; return where the last one ends."""
        kept, total = [], 0.0
        for text in words:
            text = style.face.clean(text).strip()
            wide = style.width(text)
            if not text or (total + wide > x1 - x0 and kept):
                break
            while len(text) > 1 and wide > x1 - x0:
                text = text[: max(1, int(len(text) * 0.8))]
                wide = style.width(text)
            kept.append((text, wide))
            total += wide + style.space
        x, room = x0, x1 - x0 - total + style.space
        if align in "cr":
            x += max(0.0, room / 2 if align == "c" else room)
        for text, wide in kept:
            self.word(x, y, text, style, erase)
            x += wide + style.space
        return x - style.space

    def free(self, x0: float, y0: float, x1: float, y1: float) -> bool:
        """Return whether an area holds no ink yet."""
        part = self.ink[max(0, int(y0)) : max(0, int(y1)), max(0, int(x0)) : max(0, int(x1))]
        return part.size > 0 and not part.any()
