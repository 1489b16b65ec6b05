from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from doctr.io import read_img_as_numpy
from PIL import Image, ImageCms
from support.samples import encoded, letter_image, letter_tiff

PHOTO = Image.fromarray(
    np.kron(
        np.random.default_rng(0).integers(0, 256, (25, 31, 3), dtype=np.uint8), np.ones((6, 7, 1), np.uint8)
    )
)
LETTER = letter_image(width=620, font_pixels=16)
GREY_16 = np.random.default_rng(1).integers(0, 65536, (50, 61), dtype=np.uint16)
RGB_16 = np.random.default_rng(2).integers(0, 65536, (50, 61, 3), dtype=np.uint16)


def opencv_png(image: np.ndarray) -> bytes:
    """Pillow writes no 16-bit RGB."""
    return cv2.imencode(".png", image)[1].tobytes()


ORDINARY = {
    **{
        f"jpeg 4:{chroma}": encoded(PHOTO, "JPEG", subsampling=n)
        for n, chroma in enumerate(("4:4", "2:2", "2:0"))
    },
    "jpeg progressive": encoded(PHOTO, "JPEG", progressive=True, quality=60),
    "jpeg grey": encoded(PHOTO.convert("L"), "JPEG"),
    "jpeg letter": encoded(LETTER, "JPEG"),
    "png": encoded(PHOTO, "PNG"),
    "png letter": encoded(LETTER, "PNG"),
    "png grey": encoded(PHOTO.convert("L"), "PNG"),
    "png palette": encoded(PHOTO.quantize(200), "PNG"),
    "png palette 4 bits": encoded(PHOTO.quantize(13), "PNG", bits=4),
    "png 1 bit": encoded(LETTER.convert("1"), "PNG"),
    "png opaque alpha": encoded(PHOTO.convert("RGBA"), "PNG"),
    "png grey 16 bits": encoded(Image.fromarray(GREY_16), "PNG"),
    "png rgb 16 bits": opencv_png(RGB_16),
    "webp": encoded(PHOTO, "WEBP"),
    "webp lossless": encoded(PHOTO, "WEBP", lossless=True),
    **{
        f"tiff {name}": encoded(PHOTO, "TIFF", compression=name)
        for name in (None, "tiff_lzw", "jpeg", "packbits")
    },
    "tiff deflate": encoded(PHOTO, "TIFF", compression="tiff_adobe_deflate"),
    "tiff 1 bit": encoded(LETTER.convert("1"), "TIFF"),
    "tiff fax": encoded(LETTER.convert("1"), "TIFF", compression="group4"),
    "tiff grey 16 bits": encoded(Image.fromarray(GREY_16), "TIFF"),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_an_ordinary_image_has_exactly_doctrs_pixels(read, kind: str) -> None:
    (page,) = read(ORDINARY[kind])
    expected = read_img_as_numpy(ORDINARY[kind])
    assert page.error is None
    assert (page.reference.height, page.reference.width) == expected.shape[:2]
    np.testing.assert_array_equal(page.image, expected)


def test_an_image_is_contiguous_writeable_rgb(read) -> None:
    (page,) = read(encoded(Image.new("RGB", (40, 30), (200, 100, 50)), "PNG"))
    assert page.image.dtype == np.uint8
    assert page.image.shape == (30, 40, 3)
    assert page.image.flags.c_contiguous
    assert page.image.flags.writeable
    assert page.image[7, 9].tolist() == [200, 100, 50]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_honoured_and_known_from_the_header(
    read, image_format: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(
        PHOTO, image_format, exif=exif, **({"lossless": True} if image_format == "WEBP" else {})
    )
    upright = encoded(PHOTO, image_format, **({"lossless": True} if image_format == "WEBP" else {}))
    (page,) = read(content)
    expected = read_img_as_numpy(content)
    assert (page.reference.height, page.reference.width) == expected.shape[:2]
    np.testing.assert_array_equal(page.image, expected)
    assert (orientation == 1) == np.array_equal(expected, read_img_as_numpy(upright)), (
        "the sample is not turned"
    )


def test_a_png_whose_exif_stands_behind_the_pixels_is_turned(read) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    body = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = b"eXIf" + body
    end = encoded(PHOTO, "PNG").index(b"IEND") - 4
    content = encoded(PHOTO, "PNG")
    content = (
        content[:end]
        + struct.pack(">I", len(body))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + content[end:]
    )
    (page,) = read(content)
    assert (page.reference.height, page.reference.width) == (PHOTO.width, PHOTO.height)
    np.testing.assert_array_equal(page.image, np.rot90(np.asarray(PHOTO), -1))


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0", b"MM"])
def test_damaged_exif_does_not_cost_the_page(read, exif: bytes) -> None:
    (page,) = read(encoded(PHOTO, "JPEG", exif=exif))
    assert page.error is None
    assert page.image.shape == (150, 217, 3)


def half_transparent(colour: tuple[int, ...], mode: str) -> Image.Image:
    """Left half of ``colour`` opaque, right half of the same colour invisible."""
    image = Image.new(mode, (60, 40), (*colour, 0))
    image.paste((*colour, 255), (0, 0, 30, 40))
    return image


def transparent_palette() -> bytes:
    image = Image.new("P", (60, 40), 1)
    image.putpalette([10, 20, 30, 10, 20, 30])
    image.paste(0, (0, 0, 30, 40))
    return encoded(image, "PNG", transparency=1)


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (encoded(half_transparent((10, 20, 30), "RGBA"), "PNG"), [10, 20, 30]),
        (encoded(half_transparent((10, 20, 30), "RGBA"), "WEBP", lossless=True, exact=True), [10, 20, 30]),
        (encoded(half_transparent((10, 20, 30), "RGBA"), "TIFF"), [10, 20, 30]),
        (encoded(half_transparent((40,), "LA"), "PNG"), [40, 40, 40]),
        (transparent_palette(), [10, 20, 30]),
    ],
    ids=["rgba png", "rgba webp", "rgba tiff", "grey alpha", "palette"],
)
def test_transparent_pixels_are_white_as_a_viewer_shows_them(read, content: bytes, colour: list[int]) -> None:
    (page,) = read(content)
    assert page.image[20, 10].tolist() == colour
    assert page.image[20, 50].tolist() == [255, 255, 255]


def test_a_colour_declared_transparent_is_white(read) -> None:
    image = Image.new("RGB", (60, 40), (1, 2, 3))
    image.paste((9, 9, 9), (0, 0, 30, 40))
    (page,) = read(encoded(image, "PNG", transparency=(1, 2, 3)))
    assert page.image[20, 10].tolist() == [9, 9, 9]
    assert page.image[20, 50].tolist() == [255, 255, 255]


def test_half_opaque_ink_is_blended_with_white(read) -> None:
    (page,) = read(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 128)), "PNG"))
    assert page.image[4, 4].tolist() == [127, 127, 127]


@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(read, image_format: str) -> None:
    # Pillow writes CMYK JPEG the way Photoshop does: Adobe marker, inverted inks.
    content = encoded(LETTER.convert("CMYK"), image_format)
    (page,) = read(content)
    assert page.image[5, 5].tolist() == [255, 255, 255]
    assert np.abs(page.image.astype(int) - read_img_as_numpy(content)).max() <= 2
    assert np.abs(page.image.astype(int) - np.asarray(LETTER)).mean() < 2


def test_cmyk_without_the_adobe_marker_is_read_as_doctr_reads_it(read) -> None:
    content = encoded(LETTER.convert("CMYK"), "JPEG")
    start = content.index(b"\xff\xee")
    length = struct.unpack(">H", content[start + 2 : start + 4])[0]
    content = content[:start] + content[start + 2 + length :]
    (page,) = read(content)
    assert np.abs(page.image.astype(int) - read_img_as_numpy(content)).max() <= 2


def test_lab_becomes_srgb(read) -> None:
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(Image.new("RGB", (16, 16), (200, 80, 40)), to_lab)
    (page,) = read(encoded(lab, "TIFF"))
    assert np.abs(page.image[8, 8].astype(int) - [200, 80, 40]).max() <= 4


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[0.0, 25600.0, 65535.0]], np.float32), [0, 100, 255]),
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, 1.0, np.inf]], np.float32), [0, 255, 0]),
        (np.array([[0, 100, 255]], np.int32), [0, 100, 255]),
        (np.array([[0, 25600, 65535]], np.int32), [0, 100, 255]),
        (np.array([[0, 1_000_000, 2_000_000]], np.int32), [0, 128, 255]),
        (np.array([[7, 7, 7]], np.int32), [7, 7, 7]),
        (np.array([[-7.0, -7.0, -7.0]], np.float32), [0, 0, 0]),
    ],
)
def test_wide_samples_are_scaled_and_not_clipped(read, samples: np.ndarray, expected: list[int]) -> None:
    (page,) = read(encoded(Image.fromarray(samples), "TIFF"))
    assert page.error is None
    assert page.image[0, :, 0].tolist() == expected


def test_every_tiff_image_is_a_page_in_order(read) -> None:
    sample = letter_tiff(pages=3, width=310, font_pixels=8)
    pages = read(sample.content)
    frames = Image.open(io.BytesIO(sample.content))
    assert [page.reference.page_number for page in pages] == [1, 2, 3]
    for number, page in enumerate(pages):
        frames.seek(number)
        np.testing.assert_array_equal(page.image, np.asarray(frames.convert("RGB")))


def test_a_preview_inside_a_tiff_is_no_page(read) -> None:
    preview = Image.new("RGB", (20, 10), "red")
    preview.encoderinfo = {"tiffinfo": {254: 1}}
    first, last = Image.new("RGB", (50, 40), "white"), Image.new("RGB", (60, 40), "white")
    pages = read(encoded(first, "TIFF", save_all=True, append_images=[preview, last]))
    assert [page.image.shape[1] for page in pages] == [50, 60]
    assert [page.reference.page_count for page in pages] == [2, 2]


@pytest.mark.parametrize("image_format", ["WEBP", "PNG"])
def test_an_animation_is_one_page_its_first_picture(read, image_format: str) -> None:
    colours = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue", "green")]
    content = encoded(colours[0], image_format, save_all=True, append_images=colours[1:], lossless=True)
    assert Image.open(io.BytesIO(content)).n_frames == 3
    (page,) = read(content, pages="1")
    assert (
        page.image[10, 10].tolist() == [255, 0, 0] if image_format == "PNG" else page.image[10, 10, 0] > 250
    )


def test_a_phones_multi_picture_jpeg_is_one_page(read) -> None:
    content = encoded(PHOTO, "MPO", save_all=True, append_images=[Image.new("RGB", (30, 20), "red")])
    (page,) = read(content)
    np.testing.assert_array_equal(page.image, read_img_as_numpy(content))
