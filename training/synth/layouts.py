"""Layouts of receipts and of running text; `layouts_forms` holds forms, tables and other pages."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from . import clutter, text
from .canvas import Canvas, Style, sheet_size

__all__ = ["letter", "receipt"]

_RECEIPT_KINDS = ("receipt", "narrow", "mono", "mono")


@dataclass
class _Till:
    """State of a receipt being printed: where the next line goes and in which style."""

    c: Canvas
    style: Style
    x0: float
    x1: float
    y: float
    lead: float
    upper: float

    def feed(self, lines: float = 1.0) -> None:
        """Advance by lines."""
        self.y += self.style.em * self.lead * lines

    def words(self, low: int, high: int, numbers: float = 0.15) -> list[str]:
        """Return some words."""
        rng = self.c.rng
        if rng.random() < 0.3:
            return [text.term(rng) for _ in range(rng.randint(low, high))]
        return text.phrase(rng, rng.randint(low, high), self.upper, numbers)


def _head(t: _Till) -> None:
    rng = t.c.rng
    if rng.random() < 0.3:
        size = rng.uniform(40, 110) * t.c.k
        x = rng.uniform(t.x0, max(t.x0, t.x1 - size)) if rng.random() < 0.3 else (t.x0 + t.x1 - size) / 2
        clutter.logo(t.c, x, t.y, size)
        t.y += size * 1.05
    align = rng.choice("cccl")
    for i in range(rng.randint(2, 8)):
        style = t.style
        if rng.random() < 0.15 or (i == 0 and rng.random() < 0.5):
            style = style.scaled(rng.uniform(1.2, 2.2))
            if rng.random() < 0.3:
                style = t.c.style(style.size / t.c.k)
        t.y += style.em * t.lead
        t.c.line(t.x0, t.y, t.x1, t.words(1, 6), style, align)


def _amount_line(t: _Till) -> None:
    rng = t.c.rng
    right = text.amount(rng) if rng.random() < 0.8 else text.number(rng)
    style = t.style.scaled(rng.uniform(1.2, 2.0)) if rng.random() < 0.1 else t.style
    if style is not t.style:
        t.feed(0.6)
    end = t.x1 - rng.choice((0, 0, 1)) * rng.uniform(0, 0.2) * (t.x1 - t.x0)
    room = end - style.width(right) - style.space * rng.uniform(1, 2)
    left = t.words(1, 5) + ([":"] if rng.random() < 0.1 else [])
    t.c.line(
        t.x0 + rng.choice((0, 0, 0, 1)) * style.em, t.y, room, left, style, "l" if rng.random() < 0.8 else "r"
    )
    tail = [right] if rng.random() < 0.75 else [rng.choice(("RM", "$", "EUR", ":", "@", "x", "-")), right]
    t.c.line(max(t.x0, room - 3 * style.em) if len(tail) > 1 else room, t.y, end, tail, style, "r")


def _columns(t: _Till) -> None:
    rng, n = t.c.rng, t.c.rng.randint(3, 5)
    heads = rng.random() < 0.25
    step = (t.x1 - t.x0) / n
    align = [rng.choice("lrr") for _ in range(n)]
    for _ in range(rng.randint(1, 6)):
        for i in range(n):
            maker: Callable[[random.Random], str] = text.term
            if not heads:
                maker = rng.choice((text.number, text.amount, text.code))
            if rng.random() < 0.9:
                x = t.x0 + i * step
                t.c.line(x, t.y, x + step - t.style.space, [maker(rng)], t.style, align[i])
        heads = False
        t.feed()


def _blocky(t: _Till) -> None:
    rng, k = t.c.rng, t.c.k
    tall = rng.uniform(20, 70) * k
    if rng.random() < 0.65:
        clutter.barcode(t.c, t.x0 + 0.15 * (t.x1 - t.x0), t.y, 0.7 * (t.x1 - t.x0), tall)
        t.y += tall + t.style.em
        t.c.line(t.x0, t.y, t.x1, [text.digits(rng, rng.randint(6, 14))], t.style, "c")
    else:
        clutter.matrix_code(t.c, (t.x0 + t.x1) / 2 - tall, t.y, 2 * tall)
        t.y += 2 * tall


def _row(t: _Till) -> None:
    rng, r = t.c.rng, t.c.rng.random()
    if r < 0.13:
        clutter.separator(t.c, t.x0, t.x1 if rng.random() < 0.8 else (t.x0 + t.x1) / 2, t.y, t.style)
    elif r < 0.15:  # a separator that stands right or in the middle, under a total
        width = (t.x1 - t.x0) * rng.uniform(0.15, 0.4)
        clutter.separator(t.c, t.x1 - width, t.x1, t.y, t.style)
    elif r < 0.5:
        _amount_line(t)
    elif r < 0.62:
        _columns(t)
    elif r < 0.76:
        words = [*t.words(1, 3), *rng.choice(([":"], [])), text.number(rng)]
        t.c.line(t.x0, t.y, t.x1, words, t.style, rng.choice("lllrc"))
    elif r < 0.78:
        t.c.line(t.x0, t.y, t.x1, ["**", *t.words(1, 4), "**"], t.style, rng.choice("lc"))
    elif r < 0.80:
        _blocky(t)
    else:
        t.c.line(t.x0, t.y, t.x1, t.words(1, 8), t.style, rng.choice("llcc"))


def receipt(rng: random.Random, k: float) -> Canvas:
    """Print a till receipt: narrow, one column, items with amounts, separators, codes."""
    h = 1024.0
    w = h * rng.choice((rng.uniform(0.27, 0.42), rng.uniform(0.36, 0.6), rng.uniform(0.5, 0.78)))
    c = Canvas(rng, w, h, k)
    margin = rng.uniform(0.02, 0.13) * w
    chars = rng.uniform(20, 52)
    size = min(27.0, max(7.5, (w - 2 * margin) / (0.56 * chars)))
    style = c.style(size, *(_RECEIPT_KINDS if rng.random() < 0.6 else ()))
    top, lead, upper = rng.uniform(0.0, 0.1) * c.h, rng.uniform(1.0, 1.6), rng.choice((0.1, 0.5, 0.95))
    t = _Till(c, style, margin * k, (w - margin) * k, top, lead, upper)
    if rng.random() < 0.15:
        clutter.scribble(c, rng.random() * c.w, rng.uniform(0, 0.1) * c.h, 140 * k, 26 * k)
    _head(t)
    end = c.h * (1 if rng.random() < 0.8 else rng.uniform(0.4, 1)) - t.style.em
    while t.y < end:
        t.feed(rng.choice((1, 1, 1, 1, 1.5, 2)))
        if t.y < end:
            _row(t)
    return c


def _paragraphs(c: Canvas, x0: float, x1: float, y: float, end: float, style: Style, lead: float) -> None:
    rng = c.rng
    upper = rng.choice((0.05, 0.05, 0.1, 0.9))
    loose = rng.random() < 0.3
    while (y := y + style.em * lead) < end:
        r = rng.random()
        if r < 0.05:
            y += style.em * rng.uniform(0.3, 1.6)
            heading = c.style(style.em / c.k * rng.uniform(1, 1.6))
            c.line(x0, y, x1, text.phrase(rng, rng.randint(1, 5), 0.4), heading, rng.choice("llc"))
        elif r < 0.1:
            y += style.em * rng.uniform(0.3, 2.5)
        elif r < 0.115 and y + 9 * style.em < end:
            tall = rng.uniform(3, 8) * style.em
            clutter.picture(c, x0, y, (x1 - x0) * rng.uniform(0.4, 1), tall)
            y += tall + style.em
        elif r < 0.14:
            clutter.separator(c, x0, x1, y, style)
        else:
            count = rng.randint(1, 6) if rng.random() < 0.15 else 40
            indent = style.em * 2 if rng.random() < 0.07 else 0
            if rng.random() < 0.04:
                bullet = rng.choice(("•", "-", "*", "o", "1.", "a)", "(i)"))
                c.word(x0, y, bullet, style, label=bullet not in "•*-o")
                indent = style.em * 1.6
            words = text.phrase(rng, count, upper, 0.08 if not loose else 0.25)
            c.line(x0 + indent, y, x1, words, style)


def letter(rng: random.Random, k: float) -> Canvas:
    """Print running text: letters, articles, small print, in one to three columns."""
    c = Canvas(rng, *sheet_size(rng, (0.66, 0.82), (0.6, 0.9)), k)
    margin, columns = rng.uniform(0.03, 0.13) * c.w, rng.choice((1, 1, 1, 2, 2, 3))
    size = rng.uniform(7.5, 12) if rng.random() < 0.6 else rng.uniform(11, 24)
    style, lead = c.style(size, *(("mono", "serif") if rng.random() < 0.35 else ())), rng.uniform(1.02, 1.8)
    top = rng.uniform(0.02, 0.1) * c.h
    if rng.random() < 0.6:
        title = c.style(size * rng.uniform(1.3, 3))
        top += title.em
        c.line(margin, top, c.w - margin, text.phrase(rng, rng.randint(1, 7), 0.5), title, rng.choice("lcr"))
        if rng.random() < 0.35:
            clutter.logo(c, c.w - margin - 70 * k, 6 * k, rng.uniform(30, 80) * k)
    gutter = 18 * k
    wide = (c.w - 2 * margin - (columns - 1) * gutter) / columns
    for i in range(columns):
        x0 = margin + i * (wide + gutter)
        end = c.h * (1 if rng.random() < 0.6 else rng.uniform(0.5, 1)) - 20 * k
        _paragraphs(c, x0, x0 + wide, top, end, style, lead)
    if rng.random() < 0.25:
        clutter.scribble(c, rng.random() * c.w, rng.uniform(0.6, 0.97) * c.h, 150 * k, 30 * k)
    if rng.random() < 0.12:
        clutter.stamp(c, rng.random() * c.w, rng.random() * c.h, rng.uniform(30, 80) * k)
    return c
