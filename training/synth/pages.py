"""Rendered pages as the detector sees them: 1024 x 1024, aspect kept, padded with black, and where their words are."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import cv2
import numpy as np

from . import clutter, degrade
from .canvas import Canvas
from .geometry import letterbox, turned_size
from .layouts import letter, receipt
from .layouts_forms import banners, form, scatter
from .targets import draw_targets

__all__ = ["SIZE", "Page", "crop", "render_page"]

SIZE = 1024
_LAYOUTS = ((receipt, 0.38), (form, 0.28), (letter, 0.2), (banners, 0.07), (scatter, 0.07))


@dataclass
class Page:
    """A picture (SIZE, SIZE, 3) in RGB and the quadrilaterals of its words (n, 4, 2) in pixels."""

    image: np.ndarray
    quads: np.ndarray
    kind: str


def _worn_ink(canvas: Canvas, kind: str) -> np.ndarray:
    """Return the ink as coverage 0..1 after printing and wear."""
    rng, k = canvas.rng, canvas.k
    ink = canvas.ink
    if rng.random() < 0.12 and k >= 1.3:
        ink = degrade.thicken(ink, rng)
    elif rng.random() < 0.05 and k >= 1.6:
        ink = degrade.thin(ink, rng)
    mask = ink.astype(np.float32) * np.float32(1 / 255)
    if kind in ("receipt", "form", "letter"):
        if rng.random() < (0.3 if kind == "receipt" else 0.1):
            mask = degrade.thermal_fade(mask, rng)
        if rng.random() < 0.06 and k >= 1.3:
            mask = degrade.dot_matrix(mask, rng, rng.uniform(1.6, 2.4) * k)
        if rng.random() < 0.08:
            mask = degrade.pinholes(mask, rng)
        if rng.random() < 0.04 and k >= 1.6:
            mask = degrade.streaks(mask, rng)
        if kind == "receipt" and rng.random() < 0.15:  # patches where the print is nearly gone
            patches = degrade.clouds(rng, *mask.shape, rng.uniform(60, 300) * k)
            mask = mask * np.clip(patches * rng.uniform(1.5, 3), rng.uniform(0.25, 0.6), 1)
    return mask


def _sheet(canvas: Canvas, kind: str) -> tuple[np.ndarray, int]:
    """Return the printed sheet in grey, and the brightness of its paper."""
    rng = canvas.rng
    paper = rng.randint(225, 255) if rng.random() < 0.7 else rng.randint(140, 235)
    ink = rng.randint(0, 60) if rng.random() < 0.65 else rng.randint(40, max(60, paper - 80))
    mask = _worn_ink(canvas, kind)
    if rng.random() < 0.03:
        paper, ink = ink, paper
    return (paper + mask * np.float32(ink - paper)).astype(np.uint8), paper


def _angle(rng: random.Random) -> float:
    r = rng.random()
    if r < 0.27:
        return 0.0
    return max(-4, min(4, rng.gauss(0, 0.9))) if r < 0.55 else rng.uniform(-24, 24)


def _bed(rng: random.Random, kind: str, w: int, h: int, angle: float) -> tuple[int, int]:
    """Return the size of the scanned area around a sheet: its own, a bit more, or a whole A4 page."""
    if abs(angle) > 4:
        wide, high = turned_size(w, h, math.radians(angle))
        return round(wide), round(high)
    r = rng.random()
    if kind == "receipt" and r < 0.13:
        tall = max(h * rng.uniform(1.15, 2.4), w * 1.3)
        return round(max(w * 1.02, tall * rng.uniform(0.62, 0.75))), round(tall)
    if r < (0.4 if kind == "receipt" else 0.15):
        return round(w * rng.uniform(1, 1.25)), round(h * rng.uniform(1, 1.15))
    return w, h


def _scan(
    sheet: np.ndarray, quads: np.ndarray, paper: int, kind: str, rng: random.Random
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the sheet on the scanner's bed: turned, moved, in slight perspective."""
    h, w = sheet.shape
    angle = _angle(rng)
    wide, tall = _bed(rng, kind, w, h, angle)
    if angle == 0 and (wide, tall) == (w, h):
        return sheet, quads
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1)
    matrix[0, 2] += (wide - w) / 2 + rng.uniform(-0.45, 0.45) * max(0, wide - w)
    matrix[1, 2] += (tall - h) / 2 + rng.uniform(-0.45, 0.45) * max(0, tall - h)
    if rng.random() < 0.2:
        lean = np.eye(3)
        lean[2, :2] = rng.gauss(0, 0.02) / wide, rng.gauss(0, 0.02) / tall
        matrix = lean @ matrix
    r = rng.random()
    low, high = (235, 255) if r < 0.6 else (0, 60) if r < 0.9 else (0, 220)
    bed = paper if r < 0.4 else rng.randint(low, high)
    out = cv2.warpPerspective(sheet, matrix, (wide, tall), flags=cv2.INTER_LINEAR, borderValue=bed)
    if len(quads):
        quads = cv2.perspectiveTransform(quads.reshape(-1, 1, 2).astype(np.float64), matrix).reshape(-1, 4, 2)
    return out, quads.astype(np.float32)


def _coloured(grey: np.ndarray, rng: random.Random) -> np.ndarray:
    """Return an RGB picture, most often plain grey, else with tinted paper or coloured ink."""
    if rng.random() < 0.75:
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    dark = [rng.randint(0, 70) if rng.random() < 0.4 else 0 for _ in range(3)]
    light = [255 - (rng.randint(0, 36) if rng.random() < 0.6 else 0) for _ in range(3)]
    ramp = np.arange(256, dtype=np.float32) / 255
    table = np.stack([d + (b - d) * ramp for d, b in zip(dark, light, strict=True)], -1).astype(np.uint8)
    return table[grey]


def render_page(rng: random.Random, turn: bool = True) -> Page:
    """Render one page: layout, wear, scanner, file; `turn` allows a few that lie on their side or head."""
    layout = rng.choices([f for f, _ in _LAYOUTS], [p for _, p in _LAYOUTS])[0]
    kind = layout.__name__
    k = rng.choices((0.8, 1.0, 1.3, 1.6, 2.0), (0.1, 0.3, 0.25, 0.22, 0.13))[0]
    canvas = layout(rng, k)
    quads = np.array(canvas.quads, np.float32).reshape(-1, 4, 2)
    sheet, paper = _sheet(canvas, kind)
    grey, quads = _scan(sheet, quads, paper, kind, rng)
    grey = np.ascontiguousarray(grey)
    clutter.dirt(grey, rng, k)
    if rng.random() < 0.3:
        clutter.border(grey, rng, k)
    grey = degrade.any_scan(grey, rng, detail=max(0.6, 0.8 * k))
    turns = rng.choices((0, 1, 2, 3), (0.94, 0.02, 0.02, 0.02))[0] if turn else 0
    for _ in range(turns):
        quads = np.stack([quads[..., 1], grey.shape[1] - quads[..., 0]], -1)[:, [1, 2, 3, 0]]
        grey = np.ascontiguousarray(np.rot90(grey))
    image, scale, offset = letterbox(_coloured(grey, rng), SIZE, round)
    return Page(image, (quads * scale + offset).astype(np.float32), kind)


def crop(
    page: Page, maps: tuple[np.ndarray, np.ndarray], rng: random.Random, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a window near some word: the picture, the kernels, the weights."""
    if len(page.quads) and rng.random() < 0.9:
        x, y = page.quads[rng.randrange(len(page.quads))].mean(0)
        left, top = int(x - rng.uniform(0.1, 0.9) * size), int(y - rng.uniform(0.1, 0.9) * size)
    else:
        left, top = rng.randint(0, SIZE - size), rng.randint(0, SIZE - size)
    left, top = max(0, min(SIZE - size, left)), max(0, min(SIZE - size, top))
    rows, columns = slice(top, top + size), slice(left, left + size)
    return page.image[rows, columns], maps[0][rows, columns], maps[1][rows, columns]


def page_maps(page: Page) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernels and the weights of a page."""
    return draw_targets(page.quads, SIZE)
