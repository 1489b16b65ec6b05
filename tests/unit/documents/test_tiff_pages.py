"""The images of a TIFF file as pages: directories whole and damaged, and faxes that are stretched."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from doctr_serve.errors import UnreadableDocumentError, UnsupportedDocumentError
from PIL import Image
from support.samples import encoded, letter_image

BASE = np.random.default_rng(0).integers(0, 256, (48, 61, 3), dtype=np.uint8)
LETTER = letter_image(width=310, font_pixels=8)


def test_a_kind_that_is_not_read_hides_no_page_behind_it(read) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for samples in (BASE, (BASE / 255).astype(np.float32), 255 - BASE):
            writer.write(samples, photometric="rgb", metadata=None)
    pages = read(file.getvalue())
    assert [type(page.error) for page in pages] == [type(None), UnsupportedDocumentError, type(None)]
    assert "a TIFF of 32-bit float RGB samples is not read" in pages[1].error.message
    np.testing.assert_array_equal(pages[2].image, 255 - BASE)
    (alone,) = read(file.getvalue(), pages="2")
    assert isinstance(alone.error, UnsupportedDocumentError)


def test_images_in_sub_directories_are_no_pages(read) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(BASE, photometric="rgb", subifds=2, metadata=None)
        for step in (2, 4):
            writer.write(BASE[::step, ::step], photometric="rgb", subfiletype=1, metadata=None)
        writer.write(255 - BASE, photometric="rgb", metadata=None)
    pages = read(file.getvalue())
    assert len(pages) == 2
    np.testing.assert_array_equal(pages[0].image, BASE)
    np.testing.assert_array_equal(pages[1].image, 255 - BASE)


def test_a_big_endian_big_tiff_is_refused_by_name(read) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, BASE[..., 0], photometric="minisblack", bigtiff=True, byteorder=">", metadata=None)
    (page,) = read(file.getvalue())
    assert "a big-endian BigTIFF of 8-bit grey samples" in page.error.message


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_big_tiff_of_several_pages_is_read(read, compression: str | None) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=True) as writer:
        for samples in (BASE, 255 - BASE):
            writer.write(
                samples.astype(np.uint16) * 257, photometric="rgb", compression=compression, metadata=None
            )
    pages = read(file.getvalue())
    np.testing.assert_array_equal(pages[0].image, BASE)
    np.testing.assert_array_equal(pages[1].image, 255 - BASE)


def test_a_thousand_pages_take_time_in_proportion(read) -> None:
    page = Image.new("1", (40, 30), 1)
    content = encoded(page, "TIFF", save_all=True, append_images=[page] * 999, compression="group4")
    results = read(content)
    assert len(results) == 1000
    assert all(result.error is None for result in results)


def test_a_chain_of_directories_that_bites_its_tail_ends(read) -> None:
    content = bytearray(encoded(LETTER, "TIFF"))
    (first,) = struct.unpack("<I", content[4:8])
    (count,) = struct.unpack("<H", content[first : first + 2])
    content[first + 2 + 12 * count : first + 6 + 12 * count] = struct.pack("<I", first)
    (page,) = read(bytes(content))
    np.testing.assert_array_equal(page.image, np.asarray(LETTER))


# Faxes: dots per inch across and along, and what the page is stretched to.
FAXES = {
    (204, 98): (1, 204 / 98),
    (204, 391): (391 / 204, 1),
    (200, 100): (1, 2),
    (100, 200): (2, 1),
    (204, 196): (1, 1),
    (300, 300): (1, 1),
    (300, 1): (1, 1),
    (0, 98): (1, 1),
}


@pytest.mark.parametrize("dpi", FAXES)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_fax_is_stretched_by_its_resolution(read, dpi: tuple[int, int], orientation: int) -> None:
    across, along = FAXES[dpi]
    stored = LETTER.convert("1").resize((300, 200))
    content = encoded(stored, "TIFF", compression="group4", dpi=dpi, tiffinfo={274: orientation})
    (page,) = read(content)
    width, height = round(300 * across), round(200 * along)
    expected = (height, width, 3) if orientation == 1 else (width, height, 3)
    assert page.image.shape == expected
    assert (page.reference.height, page.reference.width) == expected[:2]


def test_a_stretched_fax_looks_as_it_was_before_it_was_sent(read) -> None:
    square = letter_image(width=1240, font_pixels=32).convert("L")
    sent = square.resize((1240, square.height // 2), Image.Resampling.BOX).point(
        lambda grey: 255 * (grey > 127)
    )
    (page,) = read(encoded(sent.convert("1"), "TIFF", compression="group3", dpi=(204, 102)))
    assert page.image.shape[:2] == (square.height // 2 * 2, 1240)
    difference = np.abs(page.image[..., 0].astype(int) - np.asarray(square)[: page.image.shape[0]])
    assert difference.mean() < 8


def test_a_fax_that_would_be_too_large_is_squeezed_instead(make_pool, read) -> None:
    content = encoded(LETTER.convert("1").resize((300, 200)), "TIFF", compression="group4", dpi=(204, 102))
    (page,) = read(content, through=make_pool(max_page_pixels=60_000))
    assert page.image.shape == (200, 150, 3)


def without_tag(content: bytes, tag: int) -> bytes:
    """The TIFF with a tag renamed to one that nobody knows."""
    (first,) = struct.unpack("<I", content[4:8])
    (count,) = struct.unpack("<H", content[first : first + 2])
    for entry in range(first + 2, first + 2 + 12 * count, 12):
        if content[entry : entry + 2] == struct.pack("<H", tag):
            return content[:entry] + struct.pack("<H", 60_000) + content[entry + 2 :]
    raise AssertionError(tag)


@pytest.mark.parametrize("image", [LETTER, LETTER.convert("L"), LETTER.convert("1")], ids=["RGB", "L", "1"])
@pytest.mark.parametrize("tag", [257, 273])
def test_a_directory_that_makes_no_sense_is_damage_and_no_unknown_kind(read, image, tag: int) -> None:
    (page,) = read(without_tag(encoded(image, "TIFF"), tag))
    assert isinstance(page.error, UnreadableDocumentError)
