"""Files of every format, made in code, and the ways in which they are damaged."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import pikepdf
from PIL import Image, ImageDraw, ImageFont

__all__ = ["case", "sound_files"]

ABSURD = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Mutation = Callable[[random.Random, bytes, bytes], bytes]


def _picture() -> Image.Image:
    image = Image.new("RGB", (420, 150), "white")
    font = ImageFont.load_default(28)
    ImageDraw.Draw(image).multiline_text((20, 20), "Harbour Lane 17\nsold books 2026", "black", font)
    return image


def _encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def _pdf(picture: bytes) -> bytes:
    """Two pages: the picture as a scan, and a line of text."""
    pdf = pikepdf.new()
    name = pikepdf.Name
    scan = pdf.make_stream(picture)
    kind: dict[str, Any] = {"Type": name.XObject, "Subtype": name.Image, "ColorSpace": name.DeviceRGB}
    size: dict[str, Any] = {"Width": 420, "Height": 150, "BitsPerComponent": 8, "Filter": name.DCTDecode}
    scan.stream_dict.update(pikepdf.Dictionary(**kind, **size))
    font = pikepdf.Dictionary(Type=name.Font, Subtype=name.Type1, BaseFont=name.Helvetica)
    for operators in (b"200 0 0 70 5 5 cm /Scan Do", b"BT /F1 14 Tf 10 30 Td (Harbour Lane) Tj ET"):
        pdf.add_blank_page(page_size=(210, 80))
        scans, fonts = pikepdf.Dictionary(Scan=scan), pikepdf.Dictionary(F1=font)
        pdf.pages[-1].Resources = pikepdf.Dictionary(XObject=scans, Font=fonts)
        pdf.pages[-1].Contents = pdf.make_stream(operators)
    file = io.BytesIO()
    pdf.save(file, compress_streams=False)
    return file.getvalue()


def sound_files() -> dict[str, bytes]:
    """A file of each format, by what it is called."""
    picture = _picture()
    jpeg = _encoded(picture, "JPEG")
    pages = {"save_all": True, "append_images": [picture.rotate(180)]}
    fax = {"save_all": True, "append_images": [picture.convert("1")], "compression": "group4"}
    return {
        "png": _encoded(picture, "PNG"),
        "palette.png": _encoded(picture.convert("P"), "PNG"),
        "jpg": jpeg,
        "progressive.jpg": _encoded(picture, "JPEG", progressive=True),
        "cmyk.jpg": _encoded(picture.convert("CMYK"), "JPEG"),
        "lzw.tiff": _encoded(picture, "TIFF", compression="tiff_lzw", **pages),
        "jpeg.tiff": _encoded(picture, "TIFF", compression="jpeg"),
        "fax.tiff": _encoded(picture.convert("1"), "TIFF", **fax),
        "lossy.webp": _encoded(picture, "WEBP"),
        "lossless.webp": _encoded(picture, "WEBP", lossless=True),
        "moving.webp": _encoded(picture, "WEBP", **pages),
        "gif": _encoded(picture, "GIF", **pages),
        "bmp": _encoded(picture, "BMP"),
        "pdf": _pdf(jpeg),
    }


def flip_bits(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Flips a few bits, half of the time near the beginning."""
    damaged = bytearray(data)
    reach = len(data) if rng.random() < 0.5 else min(len(data), 200)
    for _number in range(rng.choice((1, 2, 8, 64))):
        damaged[rng.randrange(reach)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Leaves out the end, or a part amid."""
    start, end = sorted(rng.randrange(len(data)) for _number in range(2))
    return data[:start] if rng.random() < 0.5 else data[:start] + data[end:]


def repeat(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Has a part twice, or many times."""
    start = rng.randrange(len(data))
    part = data[start : start + rng.choice((4, 12, 64, 1000))]
    return data[:start] + part * rng.choice((2, 3, 500)) + data[start:]


def absurd_lengths(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Writes extreme numbers over a few places, as lengths and sizes are written."""
    damaged = bytearray(data)
    for _number in range(rng.choice((1, 2, 5))):
        size = rng.choice((2, 4))
        value = rng.choice(ABSURD) & ((1 << 8 * size) - 1)
        reach = len(data) if rng.random() < 0.4 else min(len(data), 400)
        place = rng.randrange(max(1, reach - size))
        damaged[place : place + size] = value.to_bytes(size, rng.choice(("big", "little")))
    return bytes(damaged)


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Begins as one file and goes on as another."""
    return data[: rng.randrange(1, len(data))] + other[rng.randrange(len(other)) :]


MUTATIONS: tuple[Mutation, ...] = (flip_bits, cut, repeat, absurd_lengths, splice)


def case(seed: int, files: dict[str, bytes]) -> tuple[str, bytes, dict[str, Any]]:
    """Returns a case's name, its bytes and the options of its request."""
    rng = random.Random(seed)
    kind, mutation = rng.choice(list(files)), rng.choice(MUTATIONS)
    data = mutation(rng, files[kind], files[rng.choice(list(files))])
    if rng.random() < 0.2:
        data = flip_bits(rng, data, b"") if data else data
    options: dict[str, Any] = {}
    if rng.random() < 0.2:
        options["assume_straight_pages"] = False
    if rng.random() < 0.1:
        options["straighten_pages"] = True
    return f"{kind}, {mutation.__name__}", data, options
