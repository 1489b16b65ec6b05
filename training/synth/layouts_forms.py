"""Layouts of forms and tables, of banners and labels, and of words scattered over a page."""

from __future__ import annotations

import math
import random

import cv2
import numpy as np

from . import clutter, text
from .canvas import Canvas, Style, sheet_size

__all__ = ["banners", "form", "scatter"]


def _cell_words(rng: random.Random, upper: float) -> list[str]:
    r = rng.random()
    if r < 0.45:
        return [rng.choice((text.amount, text.number, text.code))(rng)]
    if r < 0.65:
        return [text.term(rng) for _ in range(rng.randint(1, 3))]
    return text.phrase(rng, rng.randint(1, 4), upper)


def _table(c: Canvas, style: Style, x0: float, x1: float, y: float, end: float) -> float:
    rng, n = c.rng, c.rng.randint(2, 8)
    cuts = [rng.uniform(x0 + 20 * c.k, x1 - 20 * c.k) for _ in range(n - 1)]
    xs = [x0, *sorted(cuts), x1] if rng.random() < 0.5 else np.linspace(x0, x1, n + 1).tolist()
    rows, tall = rng.randint(2, 14), style.em * rng.uniform(1.25, 2.4)
    across, down = rng.random() < 0.6, rng.random() < 0.5
    banner, fill = rng.random() < 0.25, rng.uniform(0.5, 1)
    align, upper, top = [rng.choice("lllrcc") for _ in range(n)], rng.choice((0.1, 0.4, 0.9)), y
    for i in range(rows):
        if y + tall > end:
            break
        dark = banner and i == 0
        if dark:
            clutter.frame(c, x0, y, x1, y + tall, fill=True)
        elif across:
            clutter.rule(c, x0, y, x1, y)
        for j in range(n):
            wide = xs[j + 1] - xs[j] - 6 * c.k
            if wide > 1.5 * style.em and rng.random() < fill:
                base = y + (tall + 0.7 * style.em) / 2
                words = [text.term(rng)] if i == 0 else _cell_words(rng, upper)
                c.line(xs[j] + 3 * c.k, base, xs[j] + 3 * c.k + wide, words, style, align[j], dark)
        y += tall
    if across:
        clutter.rule(c, x0, y, x1, y)
    for x in xs if down else ():
        clutter.rule(c, x, top, x, y)
    return y


def _field(c: Canvas, style: Style, fill: Style, x0: float, y: float, x1: float) -> None:
    """A label and where its value goes: after it, on a rule, in a box, or a box to tick."""
    rng, k = c.rng, c.k
    count = rng.randint(1, 3)
    label = [text.term(rng) for _ in range(count)] if rng.random() < 0.6 else text.phrase(rng, count, 0.2, 0)
    label[-1] += ":" if rng.random() < 0.5 and label[-1][-1:].isalnum() else ""
    end = c.line(x0, y, x0 + 0.6 * (x1 - x0), label, style)
    if rng.random() < 0.12:
        clutter.rule(c, x0, y + 0.15 * style.em, end, y + 0.15 * style.em)
    r, start = rng.random(), end + rng.uniform(4, 14) * k
    low = y + rng.uniform(0.1, 0.3) * style.em
    if r < 0.3:
        clutter.rule(c, start, low, x1 - 6 * k, low)
    elif r < 0.42:
        clutter.frame(c, start, y - 1.1 * style.em, x1 - 6 * k, y + 0.4 * style.em)
    elif r < 0.55:
        box = style.em * rng.uniform(0.6, 1)
        clutter.frame(c, start, y - box, start + box, y)
        if rng.random() < 0.4:
            c.word(start + 0.15 * box, y - 0.1 * box, rng.choice("XxX/"), style)
        start += box + 5 * k
    if rng.random() < 0.7:
        base = y - rng.uniform(0, 0.1) * style.em
        c.line(start + rng.uniform(2, 12) * k, base, x1 - 8 * k, _cell_words(rng, 0.4), fill)
    elif rng.random() < 0.12:
        clutter.scribble(c, (start + x1) / 2, y - 0.5 * style.em, 0.6 * (x1 - start), 14 * k)


def _fields(c: Canvas, style: Style, x0: float, x1: float, y: float, end: float) -> float:
    rng, n = c.rng, c.rng.choice((1, 1, 2, 2, 3))
    kinds = ("mono",) if rng.random() < 0.5 else ()
    fill = c.style(style.em / c.k * rng.uniform(0.9, 1.2), *kinds) if rng.random() < 0.5 else style
    for _ in range(rng.randint(1, 7)):
        if y > end:
            break
        for i in range(n):
            wide = (x1 - x0) / n
            if rng.random() < 0.9:
                _field(c, style, fill, x0 + i * wide, y, x0 + (i + 1) * wide - 6 * c.k)
        y += style.em * rng.uniform(1.2, 2.4)
    return y


def _side_number(c: Canvas) -> None:
    """A running number set upwards along the side, as archives print them."""
    rng = c.rng
    style = c.style(rng.uniform(13, 22))
    mask, _, _ = style.render(text.digits(rng, 8))
    mask = np.ascontiguousarray(np.rot90(mask, rng.choice((1, 3))))
    h, w = mask.shape
    x, y = c.w - w - round(rng.uniform(4, 20) * c.k), round(rng.uniform(0.4, 0.8) * c.h)
    if c.free(x, y, x + w, y + h) and c.stamp(mask, x, y):
        c.quads.append(np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32))


def form(rng: random.Random, k: float) -> Canvas:
    """Print a form: title, labelled fields, boxes, tables, remarks, signatures."""
    c = Canvas(rng, *sheet_size(rng, (0.68, 0.82), (0.55, 0.9)), k)
    size = rng.uniform(8, 13) if rng.random() < 0.6 else rng.uniform(11, 18)
    style = c.style(size, *rng.choice(((), (), ("mono",), ("common",), ("serif",))))
    margin = rng.uniform(0.03, 0.1) * c.w
    x0, x1, y, end = margin, c.w - margin, rng.uniform(0.01, 0.08) * c.h, c.h - 25 * k
    for _ in range(rng.randint(1, 4)):
        title = (
            style.scaled(rng.uniform(1, 1.3)) if rng.random() < 0.6 else c.style(size * rng.uniform(1.2, 2.6))
        )
        y += title.em * rng.uniform(1.1, 1.6)
        c.line(x0, y, x1, text.phrase(rng, rng.randint(1, 6), 0.7, 0.1), title, rng.choice("lccr"))
    while y < end:
        y += style.em * rng.uniform(1.2, 2.6)
        r = rng.random()
        if r < 0.35:
            y = _table(
                c, style, x0, x1 if rng.random() < 0.7 else x0 + rng.uniform(0.4, 0.9) * (x1 - x0), y, end
            )
        elif r < 0.78:
            y = _fields(c, style, x0, x1, y, end)
        elif r < 0.86:
            clutter.rule(c, x0, y, x1, y)
        else:
            for _ in range(rng.randint(1, 6)):
                if y < end:
                    c.line(x0, y, x1, text.phrase(rng, 40, 0.08, 0.1), style)
                    y += style.em * 1.25
    if rng.random() < 0.3:
        clutter.frame(c, 0.6 * x0, rng.uniform(0, 0.1) * c.h, c.w - 0.6 * x0, c.h * rng.uniform(0.9, 0.99))
    if rng.random() < 0.3:
        clutter.logo(c, rng.uniform(x0, x1 - 80 * k), 4 * k, rng.uniform(25, 80) * k)
    if rng.random() < 0.4:
        _side_number(c)
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        clutter.scribble(
            c, rng.random() * c.w, rng.random() * c.h, rng.uniform(40, 150) * k, rng.uniform(10, 30) * k
        )
    return c


def banners(rng: random.Random, k: float) -> Canvas:
    """Print labels, notices and screens: blocks of text of all sizes, many white on black or in frames."""
    ratio = rng.uniform(0.5, 1)
    c = Canvas(rng, *((1024, 1024 * ratio) if rng.random() < 0.5 else (1024 * ratio, 1024)), k)
    for _ in range(rng.randint(5, 22)):
        w, h = rng.uniform(80, 620) * k, rng.uniform(18, 260) * k
        x, y = rng.uniform(0, max(1, c.w - w)), rng.uniform(0, max(1, c.h - h))
        if not c.free(x - 4 * k, y - 4 * k, x + w + 4 * k, y + h + 4 * k):
            continue
        dark = rng.random() < 0.5
        if dark or rng.random() < 0.4:
            clutter.frame(c, x, y, x + w, y + h, dark)
        style = c.style(min(h / k * 0.8, math.exp(rng.uniform(math.log(8), math.log(64)))))
        base, upper = y + style.em * rng.uniform(0.95, 1.2), rng.random()
        align = rng.choice("lcr")
        while base < y + h - 0.25 * style.em:
            words = text.phrase(rng, rng.randint(1, 12), upper)
            c.line(x + 5 * k, base, x + w - 5 * k, words, style, align, dark)
            base += style.em * rng.uniform(1.1, 1.8)
    return c


def scatter(rng: random.Random, k: float) -> Canvas:
    """Scatter single words and short lines of many sizes and a little clutter; some words are turned."""
    c = Canvas(rng, 1024 * rng.uniform(0.6, 1), 1024, k)
    for _ in range(rng.randint(30, 160)):
        style = c.style(math.exp(rng.uniform(math.log(7), math.log(60))))
        words = text.phrase(rng, rng.randint(1, 4)) if rng.random() < 0.6 else [text.token(rng)]
        wide = sum(style.width(w) + style.space for w in words)
        x, y = rng.uniform(0, 0.9 * c.w), rng.uniform(style.em, c.h)
        area = x - 4 * k, y - 1.1 * style.em, min(c.w, x + wide) + 4 * k, y + 0.4 * style.em
        if c.free(*area):
            if rng.random() < 0.08:
                turned(c, style, x, y, words[0])
            else:
                c.line(x, y, c.w - 3 * k, words, style)
    for _ in range(rng.randint(2, 10)):
        x, y, size = rng.uniform(0, c.w), rng.uniform(0, c.h), rng.uniform(20, 110) * k
        if c.free(x, y, x + size, y + size):
            rng.choice((clutter.logo, clutter.matrix_code, clutter.stamp))(c, x, y, size)
    return c


def turned(c: Canvas, style: Style, x: float, y: float, word: str) -> None:
    """Set one word at an angle."""
    word = style.face.clean(word).strip()
    if not word:
        return
    mask, _, _ = style.render(word)
    h, w = mask.shape
    side = math.ceil(math.hypot(h, w)) + 4
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), c.rng.uniform(-35, 35), 1)
    turn[:, 2] += side / 2 - np.array((w / 2, h / 2))
    if c.free(x, y - side / 2, x + side, y + side / 2):
        at = np.array((round(x), round(y - side / 2)))
        if c.stamp(cv2.warpAffine(mask, turn, (side, side)), *at.tolist()):
            corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float64)
            c.quads.append((corners @ turn[:, :2].T + turn[:, 2] + at).astype(np.float32))
