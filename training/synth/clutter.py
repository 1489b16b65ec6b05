"""What lies on pages and is no word: rules, separators, bar codes, logos, scribbles, stamps, holes, dirt, borders."""

from __future__ import annotations

import math
import random

import cv2
import numpy as np

from .canvas import Canvas, Style
from .degrade import clouds, generator

__all__ = [
    "barcode",
    "border",
    "dirt",
    "frame",
    "logo",
    "matrix_code",
    "picture",
    "rule",
    "scribble",
    "separator",
    "stamp",
]


def _pen(canvas: Canvas) -> int:
    return max(1, round(canvas.k * canvas.rng.choice((0.7, 1, 1, 1.5, 2))))


def rule(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, ink: int = 255, pen: int = 0) -> None:
    """Draw a straight rule."""
    cv2.line(canvas.ink, (round(x0), round(y0)), (round(x1), round(y1)), ink, pen or _pen(canvas))


def frame(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, fill: bool = False) -> None:
    """Draw a box, empty or filled with ink."""
    cv2.rectangle(
        canvas.ink, (round(x0), round(y0)), (round(x1), round(y1)), 255, -1 if fill else _pen(canvas)
    )


def separator(canvas: Canvas, x0: float, x1: float, y: float, style: Style) -> None:
    """Draw what receipts put between their parts: a rule, a dashed rule, or a row of one or two signs (no words)."""
    rng, r = canvas.rng, canvas.rng.random()
    if r < 0.22:
        rule(canvas, x0, y, x1, y)
        if rng.random() < 0.3:
            rule(canvas, x0, y + 3 * canvas.k, x1, y + 3 * canvas.k)
    elif r < 0.5:
        step, pen = rng.uniform(3, 10) * canvas.k, _pen(canvas)
        share = rng.uniform(0.2, 0.7)
        for i in range(int((x1 - x0) / step)):
            rule(canvas, x0 + i * step, y, x0 + (i + share) * step, y, pen=pen)
    else:
        sign = rng.choice(
            ("-", "-", "-", "=", "=", "*", "*", "_", ".", "~", "#", ":", "+", "- ", "* ", "=-", "x", "/")
        )
        wide = max(1.0, style.width(sign) + (style.space - style.width(" ")) * sign.count(" "))
        row = sign * max(5, int((x1 - x0) / wide))
        if not style.face.clean(sign).strip():
            return
        canvas.word(x0, y, row.strip()[:160], style, label=False)


def barcode(canvas: Canvas, x: float, y: float, w: float, h: float) -> None:
    """Draw a bar code."""
    rng, at = canvas.rng, x
    pitch = max(1.0, canvas.k * rng.uniform(0.8, 2))
    while at < x + w:
        bar = rng.choice((1, 1, 2, 3, 4)) * pitch
        frame_end = min(x + w, at + bar)
        canvas.ink[max(0, round(y)) : round(y + h), max(0, round(at)) : max(0, round(frame_end))] = 255
        at += bar + rng.choice((1, 1, 2, 3)) * pitch


def matrix_code(canvas: Canvas, x: float, y: float, size: float) -> None:
    """Draw something like a QR code."""
    n = canvas.rng.randint(17, 33)
    cells = (generator(canvas.rng).random((n, n)) > 0.5).astype(np.uint8) * 255
    for cx, cy in ((0, 0), (n - 7, 0), (0, n - 7)):
        cells[cy : cy + 7, cx : cx + 7] = 255
        cells[cy + 1 : cy + 6, cx + 1 : cx + 6] = 0
        cells[cy + 2 : cy + 5, cx + 2 : cx + 5] = 255
    side = max(n, round(size))
    canvas.stamp(cv2.resize(cells, (side, side), interpolation=cv2.INTER_NEAREST), round(x), round(y))


def scribble(canvas: Canvas, x: float, y: float, w: float, h: float) -> None:
    """Draw pen strokes like a signature or a hurried note around x, y."""
    rng = canvas.rng
    steps = generator(rng).standard_normal((rng.randint(6, 22), 2)) * (w / 6, h / 2)
    steps[:, 0] += w / len(steps) * rng.uniform(0, 1.3)
    points = np.cumsum(steps, 0)
    points[:, 1] -= np.linspace(0, points[-1, 1], len(points))
    t = np.linspace(0, len(points) - 1, len(points) * 9)
    kernel = np.ones(11) / 11
    smooth = [
        np.convolve(np.interp(t, np.arange(len(points)), points[:, i]), kernel, "valid") for i in (0, 1)
    ]
    line = np.stack(smooth, 1) - np.mean(smooth, 1) + (x, y)
    ink, pen = rng.randint(120, 255), max(1, round(canvas.k * rng.choice((1, 1.5, 2, 3))))
    cv2.polylines(canvas.ink, [np.round(line * 8).astype(np.int32)], False, ink, pen, cv2.LINE_AA, 3)


def logo(canvas: Canvas, x: float, y: float, size: float) -> None:
    """Draw a few shapes as logos have them: ellipses, polygons, rings, arcs."""
    rng = canvas.rng
    for _ in range(rng.randint(1, 5)):
        fill = rng.choice((-1, -1, 1, 2, 4))
        pen = fill if fill < 0 else max(1, round(fill * canvas.k))
        ink = rng.choice((255, 255, 200, 140, 0))
        a, b = rng.uniform(0.08, 0.5) * size, rng.uniform(0.08, 0.5) * size
        cx, cy = x + rng.uniform(a, max(a, size - a)), y + rng.uniform(b, max(b, size - b))
        if rng.random() < 0.55:
            turn = rng.uniform(0, 180) if rng.random() < 0.4 else 0
            end = 360 if rng.random() < 0.7 else rng.uniform(60, 300)
            cv2.ellipse(
                canvas.ink, (round(cx), round(cy)), (round(a), round(b)), turn, 0, end, ink, pen, cv2.LINE_AA
            )
        else:
            angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(rng.randint(3, 8)))
            corners = np.array([[cx + a * math.cos(t), cy + b * math.sin(t)] for t in angles]).astype(
                np.int32
            )
            cv2.polylines(canvas.ink, [corners], True, ink, max(1, pen), cv2.LINE_AA)
            if pen < 0:
                cv2.fillPoly(canvas.ink, [corners], ink, cv2.LINE_AA)


def picture(canvas: Canvas, x: float, y: float, w: float, h: float) -> None:
    """Draw a grey picture: soft or blocky spots, sometimes screened."""
    rng = canvas.rng
    tone = clouds(rng, max(2, round(h)), max(2, round(w)), rng.uniform(4, 40) * canvas.k)
    if rng.random() < 0.4:
        tone = np.where(tone > rng.uniform(0.3, 0.7), np.float32(rng.uniform(0.6, 1)), np.float32(0.1))
    if rng.random() < 0.4:
        tone = (generator(rng).random(tone.shape, dtype=np.float32) < tone).astype(np.float32)
    canvas.stamp((tone * rng.uniform(100, 255)).astype(np.uint8), round(x), round(y))


def stamp(canvas: Canvas, x: float, y: float, size: float) -> None:
    """Draw the outline of a rubber stamp: one or two rings, or a turned box."""
    rng, ink = canvas.rng, canvas.rng.randint(90, 220)
    turn = rng.uniform(-25, 25)
    if rng.random() < 0.6:
        for part in (1.0, rng.uniform(0.6, 0.9))[: rng.randint(1, 2)]:
            axes = round(size * part), round(size * part * rng.choice((1, 1, 0.6)))
            cv2.ellipse(canvas.ink, (round(x), round(y)), axes, turn, 0, 360, ink, _pen(canvas), cv2.LINE_AA)
    else:
        box = cv2.boxPoints(((x, y), (size * 2, size * rng.uniform(0.5, 1)), turn)).astype(np.int32)
        cv2.polylines(canvas.ink, [box], True, ink, _pen(canvas), cv2.LINE_AA)


def dirt(img: np.ndarray, rng: random.Random, k: float) -> None:
    """Leave specks, blobs, hairs, punch holes and staple marks on a picture, in place."""
    h, w = img.shape[:2]
    dark = rng.randint(0, 110)
    if rng.random() < 0.45:
        for _ in range(round(math.exp(rng.uniform(0, 5.3)))):
            r = max(0, round(k * rng.choice((0, 0, 0.5, 0.5, 1, 1, 1.5, 2.5))))
            cv2.circle(img, (rng.randrange(w), rng.randrange(h)), r, (rng.randint(0, 150),) * 3, -1)
    if rng.random() < 0.15:
        for _ in range(rng.randint(1, 6)):
            axes = round(k * rng.uniform(1, 9)), round(k * rng.uniform(1, 9))
            at = rng.randrange(w), rng.randrange(h)
            cv2.ellipse(img, at, axes, rng.uniform(0, 180), 0, 360, (dark,) * 3, -1)
    if rng.random() < 0.15:
        y0, x0 = rng.uniform(0.02, 0.4) * h, rng.choice((rng.uniform(8, 40) * k, w - rng.uniform(8, 40) * k))
        for i in range(rng.choice((1, 2, 2, 3))):
            at, r = (round(x0), round(y0 + i * rng.uniform(0.15, 0.4) * h)), round(k * rng.uniform(5, 14))
            cv2.circle(img, at, r, (dark,) * 3, -1 if rng.random() < 0.6 else max(1, round(k)))
    if rng.random() < 0.12:
        for _ in range(rng.randint(1, 5)):
            x, y = rng.randrange(w), rng.randrange(h)
            end = round(x + rng.gauss(0, 30) * k), round(y + rng.gauss(0, 30) * k)
            cv2.line(img, (x, y), end, (rng.randint(0, 160),) * 3, max(1, round(k * rng.choice((0.7, 1, 2)))))


def border(img: np.ndarray, rng: random.Random, k: float) -> None:
    """Leave the dark edges of a scan: strips along sides, wedges in corners, page lines; in place."""
    h, w = img.shape[:2]
    for side in rng.sample("ltrb", rng.randint(1, 4)):
        depth = rng.uniform(1, 26) * k * (0.3 if rng.random() < 0.5 else 1)
        a, b = rng.choice(((0, depth), (depth, 0), (depth, depth * rng.uniform(0.6, 1.2))))
        corners = {
            "l": ((0, 0), (a, 0), (b, h), (0, h)),
            "r": ((w, 0), (w - a, 0), (w - b, h), (w, h)),
            "t": ((0, 0), (w, 0), (w, a), (0, b)),
            "b": ((0, h), (w, h), (w, h - a), (0, h - b)),
        }[side]
        dark = (rng.randint(0, 70),) * 3
        cv2.fillPoly(img, [np.array(corners).astype(np.int32)], dark)
        if rng.random() < 0.3:
            for _ in range(rng.randint(3, 25)):
                at = np.array(corners[rng.randint(1, 2)]) * rng.random()
                at += np.array([rng.gauss(0, 6), rng.gauss(0, 6)]) * k
                cv2.circle(
                    img, tuple(at.astype(int).tolist()), max(1, round(k * rng.uniform(0.5, 4))), dark, -1
                )
