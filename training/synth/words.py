"""Render word crops as the recogniser sees them: cut out of a page, resized and padded to 32 x 192 pixels.

Every sample knows where its characters stand, so that training can label each time step of the model.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from . import degrade as dg
from . import fonts, text
from .geometry import turned_size
from .typeset import Line, typeset

HEIGHT, WIDTH, STEPS = 32, 192, 48  # docTR's own 128 squeeze long words
MAX_RATIO, WINDOW_RATIO = 8, 6  # wider crops are cut into windows of this ratio before they are read
_STYLES = {
    "receipt": (0.42, ("receipt", "narrow", "mono", "common")),
    "form": (0.14, ("mono", "serif", "common")),
    "copy": (0.3, ("mono", "serif", "common")),
    "any": (0.14, ()),
}


@dataclass
class Word:
    """A word crop: image (32, 192, 3), text, and the centre of each character in pixels of the image."""

    image: np.ndarray
    text: str
    centres: list[float]


def _margins(rng: random.Random, h: float) -> tuple[float, float, float, float]:
    """Return how far the crop reaches beyond the word's box: left, top, right, bottom."""
    loose = rng.random() < 0.2
    side = [rng.gauss(0.12, 0.09) * h * (2 if loose else 1) for _ in range(2)]
    high = [rng.gauss(0.07, 0.06) * h * (2 if loose else 1) for _ in range(2)]
    return (
        max(-0.06 * h, side[0]),
        max(-0.07 * h, high[0]),
        max(-0.06 * h, side[1]),
        max(-0.07 * h, high[1]),
    )


def _stretch(rng: random.Random, style: str) -> float:
    if style == "receipt":
        return rng.choices((rng.uniform(0.5, 0.8), rng.gauss(1, 0.1), rng.uniform(1.25, 2.0)), (32, 60, 8))[0]
    return math.exp(rng.gauss(0, 0.13))


def _crop(rng: random.Random, line: Line, style: str) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Cut the word out at the resolution of the scan: stretch, slant, turn a little, scale down."""
    x0, y0, x1, y1 = line.box
    left, top, right, bottom = _margins(rng, y1 - y0)
    sx = _stretch(rng, style)
    high = min(48.0, max(9.0, math.exp(rng.gauss(2.95, 0.42))))
    scale = high / (y1 - y0)
    wide, tall = (x1 - x0 + left / sx + right / sx) * scale * sx, (y1 - y0 + top + bottom) * scale
    angle = math.radians(rng.gauss(0, 1.1)) if rng.random() < 0.5 else 0.0
    if (x1 - x0) > 5 * (y1 - y0):
        angle *= 0.4
    # On a tilted page the box of a word about as wide as high tells nothing of the tilt, so its crop stays tilted.
    if wide < 1.7 * tall and rng.random() < 0.3:
        angle = math.radians(rng.uniform(-25, 25))
        wide, tall = turned_size(wide, tall, angle)
    w, h = max(4, round(wide)), max(6, round(tall))
    shear = rng.gauss(0, 0.07) if rng.random() < 0.2 else 0.0
    cos, sin = math.cos(angle), math.sin(angle)
    a = np.array([[cos * sx, shear - sin], [sin * sx, cos]]) * scale
    middle = np.array([(x0 - left / sx + x1 + right / sx) / 2, (y0 - top + y1 + bottom) / 2])
    b = np.array([w / 2, h / 2]) - a @ middle
    mask = line.mask
    shrink = 1 / (scale * min(1.0, sx) if sx < 1 else scale)
    if shrink > 1.1:
        mask = cv2.GaussianBlur(
            mask, (0, 0), 0.42 * shrink if sx >= 0.8 else 0.3 * shrink, None, 0.42 / scale
        )
    out = cv2.warpAffine(mask, np.column_stack([a, b]).astype(np.float32), (w, h), flags=cv2.INTER_LINEAR)
    mid_y = (y0 + y1) / 2
    place = [tuple(a[0, 0] * x + a[0, 1] * mid_y + b[0] for x in e) for e in line.edges]
    return out.astype(np.float32) * (1 / 255), place


def _ink(mask: np.ndarray, rng: random.Random, style: str) -> np.ndarray:
    """Let the print be heavy or thin, broken, faded or dotted."""
    h = mask.shape[0]
    r = rng.random()
    if r < 0.12 and h > 12:
        mask = dg.thicken(mask, rng)
    elif r < 0.19 and h > 18:
        mask = dg.thin(mask, rng) * rng.uniform(0.8, 1.0)
    elif r < 0.32:
        mask = np.clip(mask * rng.uniform(1.2, 2.2), 0, 1)
    r, worn = rng.random(), 1.6 if style == "receipt" else 1.0
    if r < 0.06 * worn:
        mask = dg.thermal_fade(mask, rng)
    elif r < 0.10 * worn:
        mask = dg.pinholes(mask, rng, rng.uniform(0.03, 0.2))
    elif r < 0.13 * worn:
        mask = dg.streaks(mask, rng)
    elif r < 0.16 * worn and h >= 14:
        mask = dg.dot_matrix(mask, rng, h / rng.uniform(7, 11))
    if rng.random() < 0.25:
        mask = mask ** rng.uniform(0.6, 1.7)
    return mask


def _photocopied(mask: np.ndarray, rng: random.Random) -> np.ndarray:
    """Return a photocopy on white paper, in grey."""
    mask = dg.photocopy(mask, rng)
    return (255 - (255 - rng.choice((0, 0, 0, rng.uniform(0, 50)))) * mask).astype(np.uint8)


def _paint(mask: np.ndarray, rng: random.Random) -> np.ndarray:
    """Choose ink and paper; returns a grey or a colour image."""
    r = rng.random()
    paper = rng.uniform(232, 255) if rng.random() < 0.72 else rng.uniform(160, 255)
    if r < 0.7:
        ink = rng.uniform(0, 70)
    elif r < 0.84:
        ink = rng.uniform(20, max(30, paper - 80))
    elif r < 0.95:  # pale print
        ink = paper - rng.uniform(40, 100)
    else:  # light on dark
        paper = rng.uniform(0, 100)
        ink = paper + rng.uniform(90, 150)
    if rng.random() < 0.92:
        return np.clip(paper + (ink - paper) * mask, 0, 255).astype(np.uint8)
    tint = np.array([[rng.gauss(0, 16), rng.gauss(0, 28)] for _ in range(3)], np.float32)
    back, front = np.clip(paper + tint[:, 0], 0, 255), np.clip(ink + tint[:, 1], 0, 255)
    return np.clip(back + (front - back) * mask[..., None], 0, 255).astype(np.uint8)


def fit(image: np.ndarray, height: int = HEIGHT, width: int = WIDTH) -> tuple[np.ndarray, float]:
    """Resize as docTR does: keep the ratio, pad right and bottom with black. Returns the image and the scale."""
    h, w = image.shape[:2]
    if height / width < h / w:
        nh, nw = height, max(1, int(height / (h / w)))
    else:
        nh, nw = max(1, int(width * (h / w))), width
    small = np.asarray(Image.fromarray(image).resize((nw, nh), Image.Resampling.BILINEAR))
    out = np.zeros((height, width, 3), np.uint8)
    out[:nh, :nw] = small if small.ndim == 3 else small[..., None]
    return out, nw / w


def _window(
    rng: random.Random, image: np.ndarray, word: str, place: list[tuple[float, float]]
) -> tuple[np.ndarray, str, list[tuple[float, float]]]:
    """Cut a crop that is too wide as the predictor does, and keep the characters that are mostly inside."""
    h, w = image.shape[:2]
    if w <= MAX_RATIO * h:
        return image, word, place
    span = math.ceil(h * WINDOW_RATIO)
    x = min(w - span, span // 2 * rng.randrange(0, max(1, (w - span) * 2 // span + 2)))
    kept = [
        (c, (a - x, b - x))
        for c, (a, b) in zip(word, place)
        if min(b, x + span) - max(a, x) >= 0.6 * max(1e-3, b - a)
    ]
    return image[:, x : x + span], "".join(c for c, _ in kept), [e for _, e in kept]


def crop_word(
    rng: random.Random, limit: int | None = None
) -> tuple[np.ndarray, str, list[tuple[float, float]]]:
    """Render one word as cut out of a page, of any size: image, text, left and right edge of each character.

    `limit` cuts the text to a few characters (for the first steps of training).
    """
    while True:
        style = rng.choices(list(_STYLES), [s[0] for s in _STYLES.values()])[0]
        face = fonts.pick_face(rng, *_STYLES[style][1])
        word = text.token(rng)
        if style == "receipt" and rng.random() < 0.5:
            word = word.upper()
        word = "".join(c for c in word if c in face.chars and c in text.VOCAB)[: limit or 60]
        if not word:
            continue
        spacing = rng.choices((0.0, rng.uniform(-0.05, 0.05), rng.uniform(0.05, 0.4)), (75, 12, 13))[0]
        line = typeset(rng, face, word, spacing)
        if line is None or line.box[3] - line.box[1] < 3:
            continue
        mask, place = _crop(rng, line, style)
        detail = max(0.5, min(1.4, mask.shape[0] / 24))
        copied = style == "copy"
        image = _photocopied(mask, rng) if copied else _paint(_ink(mask, rng, style), rng)
        if copied and rng.random() < 0.7:  # nothing came after the copy
            return image, word, place
        return dg.any_scan(image, rng, detail, 0.22 if style == "form" else 0.07), word, place


def render(rng: random.Random, limit: int | None = None) -> Word:
    """Render one word as the recogniser gets it."""
    while True:
        image, word, place = _window(rng, *crop_word(rng, limit))
        if word and len(word) <= STEPS and image.shape[1] >= 2:
            fitted, scale = fit(image)
            return Word(fitted, word, [(a + b) / 2 * scale for a, b in place])
