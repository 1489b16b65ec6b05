"""Pages for comparisons with docTR: pixels in memory, and the lossless files that hold the same pixels."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from support.samples import LETTER, encoded, letter_pdf
from support.tools import ROOT

__all__ = ["REAL_RECEIPT", "blank", "letter", "png", "real_receipt", "short_pdf", "skewed", "two_columns"]

REAL_RECEIPT = ROOT.parent / "shared" / "real" / "receipts" / "013.jpg"
"""A real photographed receipt, for evaluation only: not part of the repository."""

PAGE_SIZE = (640, 860)


def letter(text: str = LETTER, *, font_pixels: int = 17) -> np.ndarray:
    """A page of running text, RGB uint8."""
    return np.asarray(_drawn([((50, 50), text)], font_pixels))


@functools.cache
def two_columns() -> np.ndarray:
    """A page with a heading and two columns: something for lines and blocks to differ over."""
    paragraphs = LETTER.split("\n\n")
    left = "\n\n".join(_wrapped(paragraph, 28) for paragraph in paragraphs[1:3])
    right = "\n\n".join(_wrapped(paragraph, 28) for paragraph in paragraphs[3:])
    page = _drawn([((50, 130), left), ((360, 130), right)], 17)
    ImageDraw.Draw(page).text((50, 50), "Delivery of garden chairs", "black", ImageFont.load_default(30))
    return np.asarray(page)


@functools.cache
def skewed(degrees: float = 8.0) -> np.ndarray:
    """The first paragraphs, turned counter-clockwise on a larger sheet."""
    text = "\n\n".join(LETTER.split("\n\n")[:3])
    page = _drawn([((50, 50), text)], 19).crop((0, 0, 640, 420))
    return np.asarray(page.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white"))


def blank() -> np.ndarray:
    """A white page."""
    return np.full((400, 300, 3), 255, np.uint8)


def real_receipt() -> np.ndarray | None:
    """The real receipt, or None where it is absent."""
    return np.asarray(Image.open(REAL_RECEIPT).convert("RGB")) if Path(REAL_RECEIPT).exists() else None


def png(page: np.ndarray) -> bytes:
    """The page as PNG: the service decodes exactly these pixels."""
    return encoded(Image.fromarray(page), "PNG")


def _drawn(texts: list[tuple[tuple[int, int], str]], font_pixels: int) -> Image.Image:
    page = Image.new("RGB", PAGE_SIZE, "white")
    font = ImageFont.load_default(font_pixels)
    for position, text in texts:
        ImageDraw.Draw(page).multiline_text(position, text, "black", font, spacing=font_pixels // 2)
    return page


def _wrapped(text: str, characters: int) -> str:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= characters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


@functools.cache
def short_pdf(pages: int) -> bytes:
    """Small pages of few large words, which even a detector that sees little finds."""
    return letter_pdf(
        "garden chairs\nin dark green", pages=pages, size_points=(260, 260), font_points=20
    ).content
