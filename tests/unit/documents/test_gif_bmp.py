from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from doctr.io import read_img_as_numpy
from doctr_serve.errors import PageTooLargeError, UnreadableDocumentError
from PIL import Image
from support.samples import encoded, letter_image

LETTER = letter_image(width=310, font_pixels=8)
PHOTO = Image.fromarray(
    np.kron(np.random.default_rng(0).integers(0, 256, (25, 31, 3), np.uint8), np.ones((6, 7, 1), np.uint8))
)


def bmp_32(alpha: int) -> bytes:
    """32 bits a pixel, as screenshots have them; the fourth byte is often 0."""
    image = PHOTO.convert("RGBA")
    image.putalpha(alpha)
    return encoded(image, "BMP")


def rle_bmp() -> bytes:
    """8 bits run-length encoded: rows of one colour, bottom-up."""
    width, height = 40, 30
    rows = b"".join(bytes([width, row % 2]) + b"\0\0" for row in range(height)) + b"\0\1"
    palette = bytes([10, 20, 30, 0, 200, 210, 220, 0])
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 0, 0, 2, 2)
    offset = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + header + palette + rows


ORDINARY = {
    "gif": encoded(PHOTO.quantize(200), "GIF"),
    "gif grey": encoded(PHOTO.convert("L"), "GIF"),
    "gif interlaced": encoded(LETTER.convert("L"), "GIF", interlace=1),
    "bmp": encoded(PHOTO, "BMP"),
    "bmp grey": encoded(PHOTO.convert("L"), "BMP"),
    "bmp palette": encoded(PHOTO.quantize(200), "BMP"),
    "bmp 1 bit": encoded(LETTER.convert("1"), "BMP"),
    "bmp 32 bits": bmp_32(255),
    "bmp 32 bits, no alpha": bmp_32(0),
    "bmp run-length": rle_bmp(),
    "bmp opencv": cv2.imencode(".bmp", np.asarray(PHOTO))[1].tobytes(),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_gif_and_bmp_have_exactly_doctrs_pixels(read, kind: str) -> None:
    (page,) = read(ORDINARY[kind])
    expected = read_img_as_numpy(ORDINARY[kind])
    assert page.error is None
    assert (page.reference.height, page.reference.width) == expected.shape[:2]
    np.testing.assert_array_equal(page.image, expected)


def test_an_animated_gif_is_one_page_its_first_picture(read) -> None:
    frames = [Image.new("P", (30, 20), colour) for colour in (1, 2, 3)]
    for frame in frames:
        frame.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert Image.open(io.BytesIO(content)).n_frames == 3
    (page,) = read(content, pages="1")
    assert page.image[10, 10].tolist() == [255, 0, 0]


def test_transparent_pixels_of_a_gif_are_white(read) -> None:
    image = Image.new("P", (60, 40), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.paste(0, (0, 0, 30, 40))
    (page,) = read(encoded(image, "GIF", transparency=1))
    assert page.image[20, 10].tolist() == [10, 20, 30]
    assert page.image[20, 50].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["gif", "bmp", "gif interlaced"])
def test_a_cut_file_is_lost_as_a_page(read, kind: str) -> None:
    content = ORDINARY[kind]
    (page,) = read(content[: len(content) // 2])
    assert isinstance(page.error, UnreadableDocumentError)


def test_a_frame_larger_than_the_gif_is_held_to_the_limit(make_pool, read) -> None:
    content = bytearray(encoded(Image.new("P", (16, 16)), "GIF"))
    descriptor = content.index(b"\x2c", 13 + 3 * 2)
    content[descriptor + 5 : descriptor + 9] = struct.pack("<HH", 60_000, 60_000)
    with pytest.raises(PageTooLargeError, match="60000 x 60000"):
        read(bytes(content), through=make_pool())
