"""Files that failed for people who run OCR services, where they are at hand: not part of the repository.

Tests beside this one make the same kinds of files themselves.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from doctr.io import read_pdf
from doctr_serve.documents import DecodedPage, SourceDocument
from doctr_serve.errors import (
    DecoderCrashedError,
    DecoderTimeoutError,
    UnreadableDocumentError,
    UnsupportedDocumentError,
)
from support.tools import ROOT

CASES = ROOT.parent / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the reported files are not here")


@pytest.fixture
def case(read):
    def read_case(name: str, **options) -> list[DecodedPage]:
        return read(SourceDocument(Path(name).name, CASES / name), **options)

    return read_case


def codes(pages: list[DecodedPage]) -> list[list[str]]:
    return [[warning.code for warning in page.warnings] for page in pages]


@pytest.fixture(scope="module")
def letter() -> np.ndarray:
    """What the pictures of the letter show, as another reader than the decoder's tells: 900 x 700 pixels."""
    planes = tifffile.imread(CASES / "tiff" / "rgb16-planar.tif")
    return np.moveaxis(planes >> 8, 0, -1).astype(np.uint8)


def test_the_typed_values_of_the_form_are_drawn(case) -> None:
    (page,) = case("pdf/form-with-appearance.pdf")
    without = read_pdf(str(CASES / "pdf/form-with-appearance.pdf"))[0]
    fields = np.s_[54:134, 420:800]  # Points (210, 243) to (400, 303) of a page 330 points high.
    assert (without[fields] > 200).all()
    assert (page.image[fields] < 128).sum() > 500


def test_the_poster_among_four_pages_is_rendered_smaller(case) -> None:
    pages = case("pdf/poster-among-four-pages.pdf")
    assert [page.error for page in pages] == [None] * 4
    assert codes(pages) == [[], [], ["PAGE_REDUCED"], []]
    assert pages[2].image.shape == (4608, 3456, 3), "as many pixels as its picture has"


@pytest.mark.parametrize("name", ["pdf/scan-400dpi-tiny-page.pdf", "pdf/user-unit-10.pdf"])
def test_a_scan_has_its_own_pixels_whatever_its_page_says(case, name: str) -> None:
    (page,) = case(name)
    assert page.image.shape == (1754, 1240, 3)
    assert page.warnings == ()


def test_the_inverted_media_box_is_read(case) -> None:
    (page,) = case("pdf/media-inverted.pdf")
    np.testing.assert_array_equal(page.image, read_pdf(str(CASES / "pdf/media-inverted.pdf"))[0])


def test_the_portfolio_names_its_attachments(case) -> None:
    (page,) = case("pdf/portfolio.pdf")
    assert codes([page]) == [["ATTACHMENTS_NOT_READ"]]
    assert "2 attached files" in page.warnings[0].message


@pytest.mark.parametrize("name", ["png/phys-bad-crc.png", "png/ztxt-2mib.png", "tiff/rgb16-planar.tif"])
def test_a_file_that_every_viewer_opens_is_read(case, letter: np.ndarray, name: str) -> None:
    (page,) = case(name)
    assert np.abs(page.image.astype(int) - letter).mean() < 1
    assert page.warnings == ()


def test_the_fax_is_stretched(case) -> None:
    (page,) = case("tiff/fax-204x98dpi.tif")
    assert page.image.shape == (2290, 1728, 3)


def test_the_12_bit_jpeg_is_named(case) -> None:
    with pytest.raises(UnsupportedDocumentError, match="12-bit JPEG"):
        case("jpeg/12-bit.jpg")


def test_the_cut_jpegs_are_read_as_far_as_they_go(case, letter: np.ndarray) -> None:
    (whole,) = case("jpeg/no-eoi.jpg")
    (cut,) = case("jpeg/cut-10-percent.jpg")
    assert codes([whole, cut]) == [["FILE_CUT_SHORT"]] * 2
    assert np.abs(whole.image.astype(int) - letter).mean() < 2
    np.testing.assert_array_equal(cut.image[:470], whole.image[:470])
    assert "of 700 rows" in cut.warnings[0].message


@pytest.mark.parametrize("name", ["hostile/pdfrecform.pdf", "hostile/pdftiling.pdf"])
def test_a_hostile_pdf_is_a_page_error(case, name: str) -> None:
    (page,) = case(name)
    assert isinstance(page.error, DecoderCrashedError | DecoderTimeoutError)


def test_a_jpeg_of_333_bytes_is_no_picture_of_49_million_pixels(case) -> None:
    (page,) = case("hostile/jpg7000trunc.jpg")
    assert isinstance(page.error, UnreadableDocumentError)


@pytest.mark.parametrize(
    "name",
    [
        "hostile/dots12.png",
        "hostile/grid.png",
        *(f"shapes/{name}.png" for name in ("two-columns", "receipt-700x12000")),
    ],
)
def test_pictures_of_odd_shapes_are_only_pictures_here(case, name: str) -> None:
    (page,) = case(name)
    expected = cv2.imread(str(CASES / name), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(page.image, expected)
