"""The real pages: where they lie, their truth, and turned copies of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

__all__ = ["SETS", "Region", "load_regions", "page_paths", "turned_copies"]

SETS = ("receipts", "forms")
_SUFFIXES = (".jpg", ".png")


@dataclass(frozen=True)
class Region:
    """A marked part of a page: a line of a receipt, a word of a form.

    Attributes:
        text: what is printed there.
        box: x0, y0, x1, y1 in pixels.
    """

    text: str
    box: tuple[float, float, float, float]


def page_paths(folder: Path, limit: int | None = None) -> list[Path]:
    """Returns the pictures that have a truth, spread over the whole set if there is a limit."""
    found = sorted(p for p in folder.glob("*") if p.suffix in _SUFFIXES and p.with_suffix(".txt").exists())
    if limit is None or limit >= len(found):
        return found
    return [found[i * len(found) // limit] for i in range(limit)]


def load_regions(picture: Path) -> list[Region]:
    """Returns the marked parts of a page; none where there is no such file."""
    source = picture.with_suffix(".json")
    if not source.exists():
        return []
    regions = []
    for row in json.loads(source.read_text(encoding="utf-8")):
        xs, ys = row["quad"][0::2], row["quad"][1::2]
        regions.append(Region(row["text"], (min(xs), min(ys), max(xs), max(ys))))
    return regions


def turned_copies(pictures: Iterable[Path], degrees: float, folder: Path) -> Sequence[Path]:
    """Writes copies turned clockwise, on white, large enough for the whole page; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for picture in pictures:
        copy = folder / f"{picture.stem}.png"
        with Image.open(picture) as image:
            turned = image.convert("RGB").rotate(
                -degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white"
            )
        turned.save(copy, compress_level=1)
        out.append(copy)
    return out
