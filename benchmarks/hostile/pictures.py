"""Pictures that are small to send and dear to read."""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np
from doctr_serve.v1 import ocr_pb2
from PIL import Image, ImageDraw, ImageFont

from benchmarks.harness import WORDS
from benchmarks.hostile.attack import Run, Target, attack
from benchmarks.hostile.calls import at_once, document, reads

HEAT_MAP_SIDE = 1024
"""Side of the detection network's input: finer patterns than its pixels are lost."""


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _squares(ink: int, period: int, offset: int = 0) -> bytes:
    """Black squares of ``ink`` pixels on white, one every ``period`` pixels."""
    on = (np.arange(HEAT_MAP_SIDE) - offset) % period < ink
    return _png(Image.fromarray(np.where(np.outer(on, on), 0, 255).astype(np.uint8)))


def _flat_png(width: int, height: int) -> bytes:
    """A white greyscale PNG made by hand: Pillow would need the whole picture for it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(9), b"\0" + b"\xff" * width
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _words(width: int, height: int, lines: int, words: int, size: int) -> Image.Image:
    """A page of so many lines of so many words, in columns."""
    rng, image = random.Random(7), Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    for line in range(lines):
        for word in range(words):
            place = (20 + word * (width - 40) // words, 20 + line * (height - 40) // lines)
            draw.text(place, rng.choice(WORDS)[:4], "black", font)
    return image


def claiming_jpeg(side: int) -> bytes:
    """A JPEG of a few hundred bytes whose header claims so many pixels a side."""
    file = io.BytesIO()
    Image.new("L", (8, 8), "white").save(file, "JPEG")
    content = bytearray(file.getvalue())
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(content)


@attack("dense-page")
def _dense_page(target: Target) -> Run:
    """A page of 2,250 words, as polygons."""
    page = document("dense.png", _png(_words(2480, 3508, lines=90, words=25, size=26)))
    return reads(target, page, assume_straight_pages=False)


@attack("grid")
def _grid(target: Target) -> Run:
    """3.5 KB of squares, 7,225 boxes, as polygons."""
    return reads(target, document("grid.png", _squares(6, 12, offset=2)), assume_straight_pages=False)


@attack("grid-straight")
def _grid_straight(target: Target) -> Run:
    """The same squares as straight boxes."""
    return reads(target, document("grid.png", _squares(6, 12, offset=2)))


@attack("grid-fine")
def _grid_fine(target: Target) -> Run:
    """Squares as fine as the network sees them, at the lowest thresholds, as polygons."""
    page = document("fine.png", _squares(2, 4))
    return reads(target, page, assume_straight_pages=False, binary_threshold=0.0, box_threshold=0.0)


@attack("grid-orientation")
def _grid_orientation(target: Target) -> Run:
    """The squares where the page's angle is estimated and the page turned."""
    page = document("grid.png", _squares(6, 12, offset=2))
    return reads(target, page, detect_orientation=True, straighten_pages=True)


@attack("dots")
def _dots(target: Target) -> Run:
    """A raster of dots, 12 pixels apart, as polygons."""
    return reads(target, document("dots.png", _squares(6, 12)), assume_straight_pages=False)


@attack("wide-png")
def _wide_png(target: Target) -> Run:
    """A PNG of 3,000,000 x 4 pixels."""
    return reads(target, document("wide.png", _flat_png(3_000_000, 4)))


@attack("wide-png-polygons")
def _wide_png_polygons(target: Target) -> Run:
    """The same as polygons, its angle estimated and turned."""
    page = document("wide.png", _flat_png(3_000_000, 4))
    return reads(target, page, assume_straight_pages=False, straighten_pages=True)


@attack("wide-box")
def _wide_box(target: Target) -> Run:
    """The same stretched to a square, at thresholds that make one box of it: its crop is cut in squares."""
    page = document("wide.png", _flat_png(3_000_000, 4))
    return reads(target, page, preserve_aspect_ratio=False, binary_threshold=0.0, box_threshold=0.0)


@attack("sideways-receipt")
def _sideways_receipt(target: Target) -> Run:
    """A receipt of 800 x 6000 pixels that lies on its side, straightened."""
    receipt = _words(800, 6000, lines=120, words=5, size=30).rotate(90, expand=True)
    return reads(target, document("receipt.png", _png(receipt)), straighten_pages=True)


@attack("thin-black")
def _thin_black(target: Target) -> Run:
    """A black PNG of 3 x 20,000 pixels, straightened."""
    thin = document("thin.png", _png(Image.new("L", (3, 20_000))))
    return reads(target, thin, straighten_pages=True)


@attack("thin-receipt")
def _thin_receipt(target: Target) -> Run:
    """A line of text, 40 x 50,000 pixels, straightened: turned by its angle it may become a square."""
    strip = _words(40, 50_000, lines=1000, words=1, size=18)
    return reads(target, document("strip.png", _png(strip)), straighten_pages=True)


@attack("claiming-jpegs", requests=4)
def _claiming_jpegs(target: Target) -> Run:
    """Four requests of eight JPEGs of 333 bytes that claim 7000 x 7000 pixels."""
    return at_once(4, reads(target, *_claims(8)))


@attack("claiming-jpegs-one")
def _claiming_jpegs_one(target: Target) -> Run:
    """One request of them."""
    return reads(target, *_claims(8))


@attack("largest-page")
def _largest_page(target: Target) -> Run:
    """A page of as many pixels as a page may have, straightened and as polygons."""
    page = document("large.png", _flat_png(7070, 7070))
    return reads(target, page, assume_straight_pages=False, straighten_pages=True)


@attack("large-tilted")
def _large_tilted(target: Target) -> Run:
    """A long page of nearly as many pixels as a page may have, its lines tilted by 25 degrees, straightened."""
    page = _words(3500, 14_000, lines=60, words=4, size=120).rotate(25, fillcolor="white")
    return reads(target, document("tilted.png", _png(page.convert("L"))), straighten_pages=True)


def _claims(count: int) -> list[ocr_pb2.Document]:
    return [document(f"{number}.jpg", claiming_jpeg(7000)) for number in range(count)]
