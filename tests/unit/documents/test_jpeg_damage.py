"""JPEGs that are cut short are read as far as they go; kinds that are not read are named."""

from __future__ import annotations

import io
import re
import struct

import cv2
import imagecodecs
import numpy as np
import pytest
from doctr.io import read_img_as_numpy
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import SourceDocument
from doctr_serve.errors import UnreadableDocumentError, UnsupportedDocumentError
from PIL import Image
from support.samples import encoded, letter_image

# Always the same: whether libjpeg misses an end marker depends on the last bits before it.
NOISE = Image.fromarray(
    np.random.default_rng(0).normal(128, 60, (600, 400)).clip(0, 255).astype(np.uint8)
).convert("RGB")
LETTER = letter_image(width=620, font_pixels=16)
KINDS = {
    "4:2:0": encoded(NOISE, "JPEG", subsampling=2),
    "4:4:4": encoded(NOISE, "JPEG", subsampling=0),
    "grey": encoded(NOISE.convert("L"), "JPEG"),
    "cmyk": encoded(NOISE.convert("CMYK"), "JPEG"),
    "restarts": encoded(NOISE, "JPEG", restart_marker_rows=2),
}


def rows_read(image: np.ndarray, whole: np.ndarray) -> int:
    """Rows from the top that are as in the whole picture, chroma at the seam aside."""
    same = np.abs(image.astype(int) - whole).max(axis=(1, 2)) <= 2
    return len(same) if same.all() else int(same.argmin())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.9, 0.75, 0.6])
def test_a_cut_jpeg_is_read_as_far_as_it_goes_and_says_how_far(read, kind: str, share: float) -> None:
    content = KINDS[kind]
    (whole,) = read(content)
    (page,) = read(content[: int(len(content) * share)])
    assert page.error is None
    assert page.image.shape == whole.image.shape
    assert rows_read(page.image, whole.image) == pytest.approx(600 * share, abs=40)
    (warning,) = page.warnings
    assert warning.code == "FILE_CUT_SHORT"
    missing = int(re.search(r"the last (\d+) of 600 rows", warning.message)[1])
    assert missing == pytest.approx(600 * (1 - share), abs=40)
    assert (page.image[-20:] == 255).all(), "what is missing is white"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.45, 0.2, 0.05])
def test_a_jpeg_of_which_most_is_missing_is_refused(read, kind: str, share: float) -> None:
    content = KINDS[kind]
    (page,) = read(content[: int(len(content) * share)])
    assert isinstance(page.error, UnreadableDocumentError)
    assert "most of the picture is missing" in page.error.message


@pytest.mark.parametrize("kind", [*KINDS, "letter", "progressive"])
def test_a_jpeg_without_its_end_marker_is_read_in_full(read, kind: str) -> None:
    more = {"letter": encoded(LETTER, "JPEG"), "progressive": encoded(NOISE, "JPEG", progressive=True)}
    content = (KINDS | more)[kind]
    assert content.endswith(b"\xff\xd9")
    whole, page = read(content, content[:-2])
    np.testing.assert_array_equal(page.image, whole.image)
    # libjpeg may be done with all rows before it misses the marker; then there is nothing to say.
    assert {warning.code for warning in page.warnings} <= {"FILE_CUT_SHORT"}
    assert len(page.warnings) == 1 or kind in ("cmyk", "restarts")
    assert whole.warnings == ()


def test_a_cut_progressive_jpeg_lacks_detail_and_no_rows(read) -> None:
    content = encoded(LETTER, "JPEG", progressive=True)
    (page,) = read(content[: int(len(content) * 0.7)])
    assert page.error is None
    assert np.abs(page.image.astype(int) - np.asarray(LETTER)).mean() < 12
    assert "fine detail" in page.warnings[0].message


def test_a_progressive_jpeg_cut_in_its_first_scan_is_refused(read) -> None:
    content = encoded(NOISE, "JPEG", progressive=True)
    second = content.index(b"\xff\xda", content.index(b"\xff\xda") + 2)
    (page,) = read(content[: second - 200])
    assert isinstance(page.error, UnreadableDocumentError)


def test_bytes_behind_the_end_do_not_matter(read) -> None:
    whole, page = read(KINDS["4:2:0"], KINDS["4:2:0"] + b"\0" * 3000)
    np.testing.assert_array_equal(page.image, whole.image)
    assert page.warnings == ()


def huge_of_few_bytes(side: int, *, progressive: bool = False) -> bytes:
    """A JPEG that claims ``side`` x ``side`` pixels and ends after some bytes of them, with an end marker."""
    content = encoded(Image.effect_noise((64, 64), 60), "JPEG", progressive=progressive)
    frame = content.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    content = bytearray(content)
    content[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(content)


@pytest.mark.parametrize("side", [3000, 7000])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_few_bytes_that_claim_a_large_picture_are_refused_before_it_takes_memory(
    make_pool, read, side: int, progressive: bool
) -> None:
    pool = make_pool(decoder_memory_bytes=100 * 2**20)
    (page,) = read(huge_of_few_bytes(side, progressive=progressive), through=pool)
    assert isinstance(page.error, UnreadableDocumentError)
    assert "most of the picture is missing" in page.error.message


def test_a_blank_page_that_compresses_to_almost_nothing_is_no_cut_one(read) -> None:
    for options in ({}, {"optimize": True}, {"progressive": True}):
        content = encoded(Image.new("L", (3000, 4000), 255), "JPEG", quality=10, **options)
        (page,) = read(content)
        assert (page.error, page.warnings) == (None, ())
        assert (page.image == 255).all()


def twelve_bits() -> bytes:
    grey = (np.asarray(LETTER.convert("L")).astype(np.uint16)) << 4
    return imagecodecs.jpeg8_encode(grey, bitspersample=12)


def marked(marker: int, image: Image.Image = LETTER) -> bytes:
    """An ordinary JPEG whose frame says that it is of another kind."""
    content = encoded(image, "JPEG")
    frame = content.index(b"\xff\xc0")
    return content[: frame + 1] + bytes([marker]) + content[frame + 2 :]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (twelve_bits(), "12-bit JPEG"),
        (imagecodecs.ljpeg_encode(np.asarray(LETTER.convert("L")).astype(np.uint16) << 8), "16-bit JPEG"),
        (imagecodecs.jpegls_encode(np.asarray(LETTER.convert("L"))), "JPEG-LS"),
        (marked(0xC5), "hierarchical JPEG"),
        (marked(0xCB), "arithmetic-coded lossless JPEG"),
        (marked(0xCE), "hierarchical JPEG"),
    ],
)
def test_a_kind_of_jpeg_that_is_not_read_is_named(pool, content: bytes, kind: str) -> None:
    with pytest.raises(UnsupportedDocumentError, match=f"a {kind} is not read"):
        pool.open([SourceDocument("a.jpg", content)], interrupt=Interrupt())


@pytest.mark.parametrize(
    "content",
    [
        imagecodecs.ljpeg_encode(np.asarray(LETTER.convert("L"))),
        imagecodecs.jpeg8_encode(np.asarray(LETTER), lossless=True),
    ],
)
def test_a_lossless_jpeg_is_read_where_libjpeg_can(read, content: bytes) -> None:
    (page,) = read(content)
    if page.error is None:
        assert np.abs(page.image.astype(int) - np.asarray(LETTER)).mean() < 1
    else:
        assert "this lossless JPEG could not be read" in page.error.message


@pytest.mark.parametrize("size", [(40, 60), (1200, 900)])
def test_an_arithmetic_coded_jpeg_is_read_as_doctr_reads_it(read, size: tuple[int, int]) -> None:
    # Any bits are an arithmetic code: these are noise, and the same noise to both readers.
    content = marked(0xC9, Image.effect_noise(size, 60))
    expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    (page,) = read(content)
    if expected is None:
        assert "this arithmetic-coded JPEG could not be read" in page.error.message
    else:
        np.testing.assert_array_equal(page.image, expected[..., ::-1])


def test_an_arithmetic_coded_jpeg_that_cannot_be_read_is_named(read) -> None:
    (page,) = read(marked(0xCA))
    assert isinstance(page.error, UnsupportedDocumentError)
    assert "this arithmetic-coded JPEG could not be read" in page.error.message


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe0\0\x10JFIF", b"\xff\xd8\xff" * 100]
)
def test_markers_without_a_picture_are_unreadable(pool, content: bytes) -> None:
    with pytest.raises(UnreadableDocumentError):
        pool.open([SourceDocument("a.jpg", content)], interrupt=Interrupt())


def test_odd_but_whole_jpegs_are_as_they_were(read) -> None:
    fill = encoded(LETTER, "JPEG")
    fill = fill[:2] + b"\xff\xff\xff" + fill[2:]  # Fill bytes before a marker (T.81, B.1.1.2).
    for content in (fill, encoded(LETTER, "JPEG", comment=b"x" * 60_000, icc_profile=b"y" * 300_000)):
        (page,) = read(content)
        np.testing.assert_array_equal(page.image, read_img_as_numpy(content))
        assert page.warnings == ()
    assert Image.open(io.BytesIO(fill)).size == LETTER.size
