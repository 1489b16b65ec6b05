"""How much of long, wide and very large pages is read: whole, in tiles, and the same text on ordinary pages.

The same lines of words are drawn in the same font on the page and on pages of paper's shape, and read with the bundled
pair. Prints a table and one JSON object.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from doctr_serve import Reader
from doctr_serve.settings import Settings
from PIL import Image, ImageDraw, ImageFont

from benchmarks.harness import DETECTION_MODEL, RECOGNITION_MODEL

WORDS = sorted(set((Path(__file__).parents[1] / "samples" / "letter.txt").read_text().split()))
PAPER_SHARE = 1.414
"""Height over width of the ordinary pages (ISO 216)."""
MARGIN_LINES = 1


@dataclass(frozen=True)
class Shape:
    """A page, in pixels, and the size of its text."""

    name: str
    width: int
    height: int
    font_pixels: int
    paper_width: int
    """Of the ordinary pages that have the same text."""


SHAPES = (
    Shape("receipt", 700, 12_000, 34, 700),
    Shape("long page of small print", 1200, 12_000, 24, 1200),
    Shape("banner", 9000, 700, 34, 1000),
    Shape("drawing", 9933, 7016, 40, 1240),
)


def words_of(lines: Sequence[str]) -> Counter[str]:
    """The words of lines."""
    return Counter(" ".join(lines).split())


def lines_for(shape: Shape, seed: int = 0) -> list[str]:
    """Lines that fill the page, in columns of the ordinary page's width.

    Two spaces between words: where words are close the detection model takes some for one, on any page.
    """
    rng = random.Random(seed)
    font = ImageFont.load_default(shape.font_pixels)
    columns = max(1, shape.width // shape.paper_width)
    rows = int(shape.height / (2 * shape.font_pixels)) - 2 * MARGIN_LINES
    lines = []
    for _ in range(rows * columns):
        line = ""
        while True:
            longer = f"{line}  {rng.choice(WORDS)}".strip()
            if font.getlength(longer) > shape.paper_width - 4 * shape.font_pixels:
                break
            line = longer
        lines.append(line)
    return lines


def drawn(lines: Sequence[str], width: int, height: int, shape: Shape) -> bytes:
    """The lines on a page of this size, column by column, as PNG."""
    page = Image.new("L", (width, height), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(shape.font_pixels)
    step = 2 * shape.font_pixels
    rows = int(height / step) - 2 * MARGIN_LINES
    for number, line in enumerate(lines):
        column, row = divmod(number, rows)
        place = column * shape.paper_width + 2 * shape.font_pixels, (row + MARGIN_LINES) * step
        draw.text(place, line, 0, font)
    content = io.BytesIO()
    page.save(content, "PNG", compress_level=1)
    return content.getvalue()


def read(reader: Reader, pages: Sequence[bytes], tiling: str) -> tuple[Counter[str], float]:
    """The words of pages, and the seconds it took."""
    found: Counter[str] = Counter()
    started = time.perf_counter()
    for reading in reader.read(pages, reader.options(tiling=tiling)):
        if reading.page is None:
            raise RuntimeError(str(reading.error))
        found.update(word for block in reading.page.blocks for line in block.lines for word in _values(line))
    return found, time.perf_counter() - started


def _values(line: object) -> list[str]:
    return [word.value for word in line.words]  # type: ignore[attr-defined]


def measure(reader: Reader, shape: Shape, seed: int = 0) -> dict[str, float]:
    """Shares of the words that are read, and seconds."""
    lines = lines_for(shape, seed)
    expected = words_of(lines)
    paper_height = round(shape.paper_width * PAPER_SHARE)
    rows = int(paper_height / (2 * shape.font_pixels)) - 2 * MARGIN_LINES
    papers = [
        drawn(lines[start : start + rows], shape.paper_width, paper_height, shape)
        for start in range(0, len(lines), rows)
    ]
    page = [drawn(lines, shape.width, shape.height, shape)]
    result: dict[str, float] = {"words": expected.total(), "ordinary_pages": len(papers)}
    for name, documents, tiling in (
        ("ordinary", papers, "off"),
        ("whole", page, "off"),
        ("tiled", page, "auto"),
    ):
        found, seconds = read(reader, documents, tiling)
        result[f"{name}_share"] = (found & expected).total() / expected.total()
        result[f"{name}_extra"] = (found - expected).total() / expected.total()
        result[f"{name}_s"] = seconds
    return result


def settings() -> Settings:
    """Those of the bundled pair, with room for a large drawing's words."""
    return Settings(
        default_detection_model=DETECTION_MODEL,
        default_recognition_model=RECOGNITION_MODEL,
        max_page_pixels=80_000_000,
        max_words_per_page=20_000,
    )


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=1, help="texts of each shape")
    arguments = parser.parse_args()
    results = []
    print("shape | words | ordinary | whole | tiled | tiled/ordinary | s ordinary | s tiled")
    with Reader(settings()) as reader:
        for shape in SHAPES:
            for seed in range(arguments.seeds):
                result = measure(reader, shape, seed)
                results.append({"shape": shape.name, "seed": seed, **result})
                print(
                    f"{shape.name} {shape.width}x{shape.height} | {result['words']} | "
                    f"{result['ordinary_share']:.1%} | {result['whole_share']:.1%} | {result['tiled_share']:.1%} | "
                    f"{result['tiled_share'] / result['ordinary_share']:.3f} | {result['ordinary_s']:.1f} | "
                    f"{result['tiled_s']:.1f}",
                    flush=True,
                )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
