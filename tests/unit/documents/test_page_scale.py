"""At which resolution pages are rendered, and what happens to those that would be too large."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from doctr.io import read_pdf
from doctr_serve.errors import PageTooLargeError
from PIL import Image
from support.samples import add_page, encoded, letter_image, saved, text_operators

SIZE = (300, 200)
SCAN = letter_image(width=620, font_pixels=16)


def picture_pdf(
    image: Image.Image,
    size: tuple[float, float],
    *,
    operators: bytes = b"q {w} 0 0 {h} 0 0 cm /I Do Q",
    text: bytes = b"",
    **entries,
) -> bytes:
    """A page that shows ``image`` as large as itself."""
    document = pikepdf.new()
    drawn = operators.replace(b"{w}", b"%g" % size[0]).replace(b"{h}", b"%g" % size[1])
    page = add_page(document, drawn + b"\n" + text, size, **entries)
    picture = document.make_stream(encoded(image, "JPEG", quality=95))
    picture.stream_dict.update(
        pikepdf.Dictionary(
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=image.width,
            Height=image.height,
            BitsPerComponent=8,
            ColorSpace=pikepdf.Name.DeviceRGB if image.mode == "RGB" else pikepdf.Name.DeviceGray,
            Filter=pikepdf.Name.DCTDecode,
        )
    )
    page.obj.Resources.XObject = pikepdf.Dictionary(I=picture)
    return saved(document)


def shrunk(scale: float) -> tuple[float, float]:
    return SCAN.width / scale, SCAN.height / scale


STAMP = b"BT /F1 3 Tf 5 5 Td (Filed 14 March) Tj ET"
HIDDEN = b"BT 3 Tr /F1 3 Tf 5 90 Td " + b"(Dear) Tj 0 -4 Td " * 20 + b"ET"
SCANS = {
    "tiny page": (picture_pdf(SCAN, shrunk(5.5)), SCAN.size),
    "300 dpi": (picture_pdf(SCAN, shrunk(300 / 72)), SCAN.size),
    "with OCR text": (picture_pdf(SCAN, shrunk(4), text=HIDDEN), SCAN.size),
    "with a stamp": (picture_pdf(SCAN, shrunk(4), text=STAMP), SCAN.size),
    "grey": (picture_pdf(SCAN.convert("L"), shrunk(4)), SCAN.size),
    "turned": (picture_pdf(SCAN, shrunk(4), Rotate=90), SCAN.size[::-1]),
    "with margins": (
        picture_pdf(SCAN, (200, 260), operators=b"q 155 0 0 219 20 20 cm /I Do Q"),
        (800, 1040),
    ),
    "user unit 10": (picture_pdf(SCAN, shrunk(25), UserUnit=10), SCAN.size),
}


@pytest.mark.parametrize("kind", SCANS)
def test_a_scan_keeps_its_pictures_resolution(read, kind: str) -> None:
    content, (width, height) = SCANS[kind]
    (page,) = read(content)
    assert (page.image.shape[1], page.image.shape[0]) == pytest.approx((width, height), abs=4)
    assert (page.reference.height, page.reference.width) == page.image.shape[:2]
    assert page.warnings == ()


def test_a_scan_has_the_pictures_own_pixels(read) -> None:
    (page,) = read(picture_pdf(SCAN, shrunk(4)))
    stored = np.asarray(Image.open(io.BytesIO(encoded(SCAN, "JPEG", quality=95))))
    np.testing.assert_array_equal(page.image, stored)


def test_the_strips_of_one_scan_count_together(read) -> None:
    strips = b"\n".join(b"q 155 0 0 22 0 %d cm /I Do Q" % top for top in range(0, 220, 22))
    (page,) = read(picture_pdf(Image.new("L", (620, 88)), (155, 220), operators=strips))
    assert page.image.shape == (880, 620, 3)


def test_a_scan_inside_a_form_xobject_is_one_too(read) -> None:
    document = pikepdf.open(io.BytesIO(picture_pdf(SCAN, shrunk(4))))
    page = document.pages[0].obj
    inner = document.make_stream(b"q 1 0 0 1 0 0 cm /I Do Q")
    inner.stream_dict.update(
        pikepdf.Dictionary(
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 1, 1],
            Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=page.Resources.XObject.I)),
        )
    )
    width, height = shrunk(4)
    page.Resources.XObject = pikepdf.Dictionary(F=inner)
    page.Contents = document.make_stream(b"q %g 0 0 %g 0 0 cm /F Do Q" % (width, height))
    (result,) = read(saved(document))
    assert result.image.shape[:2] == (SCAN.height, SCAN.width)


TYPESET = b"BT /F1 12 Tf 20 180 Td " + b"(Words) Tj 0 -14 Td " * 10 + b"ET"
NO_SCANS = {
    "a coarse scan": picture_pdf(SCAN, shrunk(1)),
    "a logo": picture_pdf(SCAN, SIZE, operators=b"q 60 0 0 60 20 20 cm /I Do Q"),
    "a picture after thousands of lines": picture_pdf(
        SCAN, shrunk(4), operators=b"0 0 9 9 re f " * 4000 + b"q {w} 0 0 {h} 0 0 cm /I Do Q"
    ),
    "a backdrop under text": picture_pdf(SCAN, (150, 200), text=TYPESET),
}


@pytest.mark.parametrize("kind", NO_SCANS)
def test_a_page_that_is_no_fine_scan_keeps_doctrs_pixels(read, kind: str) -> None:
    np.testing.assert_array_equal(read(NO_SCANS[kind])[0].image, read_pdf(NO_SCANS[kind])[0])


def user_units(*units: float | None, object_streams: bool = False) -> bytes:
    document = pikepdf.new()
    for unit in units:
        entries = {} if unit is None else {"UserUnit": unit}
        add_page(document, text_operators("Words", SIZE), SIZE, **entries)
    file = io.BytesIO()
    mode = pikepdf.ObjectStreamMode.generate if object_streams else pikepdf.ObjectStreamMode.disable
    document.save(file, object_stream_mode=mode)
    return file.getvalue()


@pytest.mark.parametrize("object_streams", [False, True])
@pytest.mark.parametrize("unit", [0.5, 2, 2.5, 10])
def test_the_user_unit_of_each_page_is_honoured(read, unit: float, object_streams: bool) -> None:
    pages = read(user_units(None, unit, None, object_streams=object_streams))
    expected = (round(400 * unit), round(600 * unit), 3)
    assert [page.image.shape for page in pages] == [(400, 600, 3), expected, (400, 600, 3)]
    assert (pages[1].reference.height, pages[1].reference.width) == expected[:2]


@pytest.mark.parametrize("unit", [0, -3, 1e9])
def test_a_user_unit_that_cannot_be_is_ignored(read, unit: float) -> None:
    assert read(user_units(unit))[0].image.shape == (400, 600, 3)


def test_a_user_unit_that_makes_the_page_too_large_gives_a_smaller_one_and_a_warning(make_pool, read) -> None:
    (page,) = read(user_units(30), through=make_pool(max_page_pixels=1_000_000))
    assert 990_000 < page.image.shape[0] * page.image.shape[1] <= 1_000_000
    assert page.warnings[0].code == "PAGE_REDUCED"
    assert "at 10 dpi instead of 144" in page.warnings[0].message


def test_a_scan_of_a_page_that_is_too_large_is_rendered_as_fine_as_it_is(make_pool, read) -> None:
    content = picture_pdf(SCAN, shrunk(0.5))
    (page,) = read(content, through=make_pool(max_page_pixels=2_000_000))
    assert page.image.shape[:2] == (SCAN.height, SCAN.width)
    (warning,) = page.warnings
    assert warning.code == "PAGE_REDUCED"
    assert "36 dpi" in warning.message
    assert "no finer detail" in warning.message


def test_a_scan_finer_than_the_limit_is_rendered_at_the_limit(make_pool, read) -> None:
    (page,) = read(picture_pdf(SCAN, shrunk(4)), through=make_pool(max_page_pixels=300_000))
    assert 290_000 < page.image.shape[0] * page.image.shape[1] <= 300_000
    assert [warning.code for warning in page.warnings] == ["PAGE_REDUCED"]


@pytest.mark.parametrize(("max_scan_pixels", "dpi"), [(35_000_000, 600), (8_700_000, 299)])
def test_a_scan_is_reduced_silently_to_what_scanners_are_set_to_and_no_further(
    make_pool, read, max_scan_pixels: int, dpi: int
) -> None:
    scan = Image.new("L", (4960, 7016), "white")
    content = picture_pdf(scan, (4960 / 600 * 72, 7016 / 600 * 72))
    (page,) = read(content, through=make_pool(max_scan_pixels=max_scan_pixels))
    assert page.image.shape[0] == pytest.approx(7016 * dpi / 600, abs=30)
    assert [warning.code for warning in page.warnings] == ["PAGE_REDUCED"] * (dpi < 300)


def test_a_picture_too_large_to_be_decoded_is_refused_by_its_size(make_pool, read) -> None:
    results = read(
        picture_pdf(SCAN, shrunk(0.5)), through=make_pool(max_page_pixels=SCAN.width * SCAN.height // 5)
    )
    assert isinstance(results[0].error, PageTooLargeError)
    assert "4 times the" in results[0].error.message


def test_one_page_too_large_costs_the_others_nothing(make_pool, read) -> None:
    document = pikepdf.new()
    for size in ((300, 200), (3456, 4608), (300, 200)):
        add_page(document, text_operators("Words", size), size)
    content = saved(document)
    pages = read(content, through=make_pool(max_page_pixels=3_000_000))
    assert [page.error for page in pages] == [None] * 3
    assert [[warning.code for warning in page.warnings] for page in pages] == [[], ["PAGE_REDUCED"], []]
    for position in (0, 2):
        np.testing.assert_array_equal(pages[position].image, read_pdf(content)[position])


def pdf_bomb(side: float) -> bytes:
    document = pikepdf.new()
    add_page(document, text_operators("small"))
    add_page(document, text_operators("large"), (side, side))
    return saved(document)


def peak_memory_kib(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def test_a_pdf_page_of_200_inches_is_rendered_smaller_and_says_so(make_pool, read) -> None:
    pool = make_pool(max_page_pixels=8_000_000)
    small, large = read(pdf_bomb(14_400), through=pool)
    assert (small.error, small.warnings) == (None, ())
    assert large.error is None
    assert 7_900_000 < large.image.shape[0] * large.image.shape[1] <= 8_000_000
    assert (large.reference.height, large.reference.width) == large.image.shape[:2]
    (warning,) = large.warnings
    assert warning.code == "PAGE_REDUCED"
    assert "at 14 dpi instead of 144" in warning.message


@pytest.mark.parametrize("side", [100_000, 1e6, 1e9])
def test_a_pdf_page_on_which_nothing_would_be_legible_costs_only_itself(make_pool, read, side: float) -> None:
    pool = make_pool()
    small, large = read(pdf_bomb(side), through=pool)
    assert small.error is None
    assert isinstance(large.error, PageTooLargeError)
    assert large.error.page_number == 2
    assert "within the 50000000 pixels" in large.error.message
    (process_id,) = pool.idle_process_ids()
    assert peak_memory_kib(process_id) < 100 * 1024


def test_of_several_tiff_pages_one_that_is_too_large_costs_only_itself(make_pool, read) -> None:
    pages = [Image.new("L", size) for size in ((30, 20), (21, 29), (30, 20))]
    content = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    results = read(content, through=make_pool(max_page_pixels=600))
    assert [type(page.error) for page in results] == [type(None), PageTooLargeError, type(None)]
    assert "21 x 29 pixels is more than the 600" in results[1].error.message
