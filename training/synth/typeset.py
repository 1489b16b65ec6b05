"""Typeset a line of text from cached glyphs, with what may stand around a word on a page."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass

import cv2
import numpy as np

from . import fonts, text

__all__ = ["DRAW_SIZE", "Line", "typeset"]

DRAW_SIZE = 30  # pixels; scaled to the resolution of the scan afterwards


@dataclass
class Line:
    """A drawn line: coverage mask, box of the word in it, left and right edge of each character."""

    mask: np.ndarray
    box: tuple[float, float, float, float]
    edges: list[tuple[float, float]]
    size: int


@functools.lru_cache(maxsize=150_000)
def _glyph(face: fonts.Face, char: str) -> tuple[np.ndarray, int, int, float]:
    """Return a character's picture, the place of its corner from the pen on the baseline, and its advance."""
    font = fonts.get_font(face, DRAW_SIZE)
    mask, (dx, dy) = font.getmask2(char, mode="L", anchor="ls")
    w, h = mask.size
    return np.array(mask, np.uint8).reshape(h, w), dx, dy, font.getlength(char)


def _type(canvas: np.ndarray, face: fonts.Face, word: str, x: float, y: int, gap: float = 0) -> list[float]:
    """Print a text on the canvas from a point of the baseline on; returns where each character begins, and the end."""
    high, wide = canvas.shape
    xs = [x]
    for char in word:
        glyph, dx, dy, advance = _glyph(face, char)
        left, top = round(xs[-1]) + dx, y + dy
        x0, y0, x1, y1 = (
            max(0, left),
            max(0, top),
            min(wide, left + glyph.shape[1]),
            min(high, top + glyph.shape[0]),
        )
        if x0 < x1 and y0 < y1:
            spot = canvas[y0:y1, x0:x1]
            np.maximum(spot, glyph[y0 - top : y1 - top, x0 - left : x1 - left], out=spot)
        xs.append(xs[-1] + advance + gap)
    return xs


def _length(face: fonts.Face, word: str, gap: float = 0) -> float:
    return sum(_glyph(face, c)[3] + gap for c in word)


def _context(canvas: np.ndarray, rng: random.Random, face: fonts.Face, x: tuple[int, int], y: int) -> None:
    """Draw what may stand around a word: neighbours on the line, lines above and below, rules."""
    size, (x0, x1) = fonts.get_font(face, DRAW_SIZE).size, x
    if rng.random() < 0.45:
        gap = rng.uniform(0.22, 0.7) * size
        if rng.random() < 0.6:
            _type(canvas, face, face.clean(text.token(rng)[:4]), x1 + gap, y)
        if rng.random() < 0.6:
            word = face.clean(text.token(rng)[-4:])
            _type(canvas, face, word, x0 - gap - _length(face, word), y)
    for side in (-1, 1):
        if rng.random() < 0.25:
            words = face.clean(" ".join(text.token(rng) for _ in range(2)))
            _type(
                canvas,
                face,
                words,
                x0 - rng.random() * size * 2,
                y + int(side * size * rng.uniform(0.95, 1.5)),
            )
    if rng.random() < 0.17:
        low = int(y + size * rng.uniform(0.04, 0.35))
        ends = (0, 4000) if rng.random() < 0.6 else (x0 - 1, x1 + 1)
        width = max(1, round(size * rng.choice((0.04, 0.06, 0.1))))
        cv2.line(canvas, (ends[0], low), (ends[1], low), rng.randint(120, 255), width)
    if rng.random() < 0.07:
        high = int(y - size * rng.uniform(0.8, 1.1))
        cv2.line(canvas, (0, high), (4000, high), rng.randint(120, 255), max(1, size // 20))
    if rng.random() < 0.08:
        at = int(rng.choice((x0 - size * rng.uniform(0.1, 0.5), x1 + size * rng.uniform(0.1, 0.5))))
        cv2.line(canvas, (at, 0), (at, 400), rng.randint(120, 255), max(1, size // 16))


def _ink_box(canvas: np.ndarray) -> tuple[int, int, int, int]:
    rows, cols = np.flatnonzero(canvas.any(1)), np.flatnonzero(canvas.any(0))
    return cols[0], rows[0], cols[-1] + 1, rows[-1] + 1


def typeset(rng: random.Random, face: fonts.Face, word: str, spacing: float) -> Line | None:
    """Draw a word and its surroundings; `spacing` widens the gaps by a share of the size. None if nothing shows."""
    size = fonts.get_font(face, DRAW_SIZE).size
    gap, y = spacing * size, 2 * size
    canvas = np.zeros((3 * size, int(_length(face, word, gap)) + 2 * size), np.uint8)
    xs = _type(canvas, face, word, size, y, gap)
    if not canvas.any():
        return None
    x0, top, x1, bottom = ink = _ink_box(canvas)
    cap = y - _glyph(face, "H")[0].shape[0]
    r = rng.random()
    # A detector hugs the ink: it cannot know how high the capitals would be that "so" does not have.
    if r < 0.65 and bottom - top > 0.35 * size:
        pass
    elif r < 0.8:  # as high as the line
        top, bottom = min(top, cap), max(bottom, y + 0.22 * size)
    else:
        top, bottom = min(top, cap), max(bottom, y)
    _context(canvas, rng, face, (int(ink[0]), int(ink[2])), y)
    if rng.random() < 0.06:
        canvas = np.where(canvas > 110, np.uint8(255), np.uint8(0))
    return Line(canvas, (x0, top, x1, bottom), list(zip(xs, xs[1:])), size)
