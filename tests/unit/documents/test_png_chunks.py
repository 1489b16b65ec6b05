"""What a PNG carries beside its picture does not cost the picture."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import SourceDocument
from doctr_serve.errors import UnreadableDocumentError, UnsupportedDocumentError
from PIL import Image, PngImagePlugin
from support.samples import encoded, letter_image

LETTER = letter_image(width=310, font_pixels=8)
PNG = encoded(LETTER, "PNG")
AFTER_HEADER = 33


def chunk(kind: bytes, body: bytes, *, crc: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def with_chunk(new: bytes, content: bytes = PNG) -> bytes:
    return content[:AFTER_HEADER] + new + content[AFTER_HEADER:]


def at_the_end(new: bytes) -> bytes:
    end = PNG.rindex(b"IEND") - 4
    return PNG[:end] + new + PNG[end:]


ODD = {
    "resolution with a wrong checksum": with_chunk(chunk(b"pHYs", bytes(9), crc=1)),
    "text with a wrong checksum": with_chunk(chunk(b"tEXt", b"Title\0x", crc=0)),
    "text with a wrong checksum at the end": at_the_end(chunk(b"tEXt", b"Title\0x", crc=0)),
    "compressed text of 2 MiB": with_chunk(chunk(b"zTXt", b"Raw\0\0" + zlib.compress(bytes(2 << 20)))),
    "text of 3 MiB": with_chunk(chunk(b"tEXt", b"Raw\0" + b"x" * (3 << 20))),
    "80 texts of 1 MiB": with_chunk(chunk(b"zTXt", b"Raw\0\0" + zlib.compress(bytes((1 << 20) - 1))) * 80),
    "international text that is damaged": with_chunk(chunk(b"iTXt", b"Raw\0\x01\x00\0\0garbage")),
    "ICC profile that is no profile": with_chunk(chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile"))),
    "ICC profile of 4 MiB": with_chunk(chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(4 << 20)))),
    "ICC profile that is no stream": with_chunk(chunk(b"iCCP", b"x\0\0\xff\xff\xff")),
    "time that is too short": with_chunk(chunk(b"tIME", b"\0")),
    "unknown private chunk": with_chunk(chunk(b"prVt", b"anything", crc=99)),
    "transparency with a wrong checksum": with_chunk(chunk(b"tRNS", bytes(6), crc=5)),
    "transparency that is too long": with_chunk(chunk(b"tRNS", bytes(300))),
    "animation control that is damaged": with_chunk(chunk(b"acTL", b"\0")),
    "frame control that is damaged": with_chunk(
        chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", b"")
    ),
    "bytes behind the end": PNG + b"\0" * 5000,
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_ancillary_chunk_does_not_matter(read, kind: str) -> None:
    (page,) = read(ODD[kind])
    assert page.error is None
    np.testing.assert_array_equal(page.image, np.asarray(LETTER))
    assert page.warnings == ()


@pytest.mark.parametrize("kind", ["resolution with a wrong checksum", "compressed text of 2 MiB"])
def test_pillow_itself_refuses_such_files(kind: str, tmp_path) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(ODD[kind])
    with pytest.raises((OSError, ValueError)):
        Image.open(path).load()


def test_pixels_in_many_chunks_come_together(read) -> None:
    start = PNG.index(b"IDAT") - 4
    (length,) = struct.unpack(">I", PNG[start : start + 4])
    data = PNG[start + 8 : start + 8 + length]
    pieces = b"".join(chunk(b"IDAT", data[at : at + 7]) for at in range(0, len(data), 7))
    whole = PNG[:start] + pieces + PNG[start + 12 + length :]
    np.testing.assert_array_equal(read(whole)[0].image, np.asarray(LETTER))


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_a_critical_chunk_with_a_wrong_checksum_is_damage(read, kind: bytes) -> None:
    content = encoded(LETTER.quantize(8), "PNG")
    start = content.index(kind) - 4
    (length,) = struct.unpack(">I", content[start : start + 4])
    crc = start + 8 + length
    damaged = content[:crc] + b"\1\2\3\4" + content[crc + 4 :]
    try:
        (page,) = read(damaged)
    except UnreadableDocumentError:
        return
    assert isinstance(page.error, UnreadableDocumentError)


def test_damaged_pixels_are_still_damage(read) -> None:
    middle = PNG.index(b"IDAT") + 400
    (page,) = read(PNG[:middle] + bytes(60) + PNG[middle + 60 :])
    assert isinstance(page.error, UnreadableDocumentError)


def test_a_palette_keeps_its_transparency(read) -> None:
    image = Image.new("P", (60, 40), 1)
    image.putpalette([10, 20, 30, 10, 20, 30])
    image.paste(0, (0, 0, 30, 40))
    content = with_chunk(chunk(b"tEXt", b"Title\0x", crc=0), encoded(image, "PNG", transparency=1))
    (page,) = read(content)
    assert page.image[20, 10].tolist() == [10, 20, 30]
    assert page.image[20, 50].tolist() == [255, 255, 255]


def test_a_png_packed_for_iphones_is_named(pool) -> None:
    content = PNG[:8] + chunk(b"CgBI", bytes(4)) + PNG[8:]
    with pytest.raises(UnsupportedDocumentError, match="iPhone apps"):
        pool.open([SourceDocument("a.png", content)], interrupt=Interrupt())


def test_texts_of_an_ordinary_png_change_nothing(read) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A letter")
    info.add_itxt("Comment", "Grüße")
    content = encoded(LETTER, "PNG", pnginfo=info, dpi=(300, 300))
    np.testing.assert_array_equal(read(content)[0].image, np.asarray(LETTER))
