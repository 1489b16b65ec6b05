from __future__ import annotations

import io

import numpy as np
import pikepdf
import pytest
from doctr.io import read_pdf
from PIL import Image
from support.samples import add_page, encoded, letter_image, letter_pdf, saved, text_operators

SIZE = (300, 200)
SCAN = letter_image(width=620, font_pixels=16)


def dark(image: np.ndarray, box: tuple[int, int, int, int] | None = None) -> int:
    """Dark pixels, within (left, top, right, bottom) in points of a page of 300 x 200."""
    if box is not None:
        left, top, right, bottom = (2 * side for side in box)
        image = image[top:bottom, left:right]
    return int((image.max(axis=2) < 128).sum())


def form_pdf(*, kind: str = "Tx", appearance: bool = False, flags: int = 4, **entries) -> bytes:
    """A page that says "Name:", and under it a form field of 200 x 20 points with the value Rotterdam."""
    document = pikepdf.new()
    page = add_page(document, text_operators("Name:", SIZE), SIZE)
    field = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Widget,
        FT=pikepdf.Name(f"/{kind}"),
        T="name",
        Rect=[50, 50, 250, 70],
        F=flags,
        DA="/Helv 12 Tf 0 g",
    )
    for name, value in ({"V": "Rotterdam"} | entries).items():
        field[f"/{name}"] = value
    if appearance:
        look = document.make_stream(b"0 0 0 rg 0 0 100 20 re f")
        look.stream_dict.update(
            pikepdf.Dictionary(Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 200, 20])
        )
        field.AP = pikepdf.Dictionary(N=look)
    field = document.make_indirect(field)
    page.obj.Annots = document.make_indirect([field])
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
    )
    document.Root.AcroForm = pikepdf.Dictionary(
        Fields=[field],
        DR=pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=font)),
        DA="/Helv 12 Tf 0 g",
    )
    return saved(document)


FIELD = (50, 130, 250, 150)
FORMS = {
    "appearance": form_pdf(appearance=True),
    "none": form_pdf(),
    "choice": form_pdf(kind="Ch", Opt=pikepdf.Array(["Rotterdam", "Delft"]), Ff=1 << 17),
    "multi-line": form_pdf(Ff=1 << 12),
}


@pytest.mark.parametrize("kind", FORMS)
def test_the_value_of_a_form_field_is_drawn(read, kind: str) -> None:
    (page,) = read(FORMS[kind])
    (without,) = read_pdf(FORMS[kind])
    assert dark(without, FIELD) == 0
    assert dark(page.image, FIELD) > 100
    assert dark(page.image) - dark(page.image, FIELD) == dark(without), "the rest is as it was"
    assert page.warnings == ()


def test_a_hidden_form_field_stays_hidden(read) -> None:
    (page,) = read(form_pdf(appearance=True, flags=2))
    assert dark(page.image, FIELD) == 0


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


@pytest.mark.parametrize(
    "crop", [[1000, 1000, 1200, 1200], [-50, -50, -10, -10], [300, 0, 400, 200], [5000, -9000, 6000, -8000]]
)
def test_a_crop_box_outside_of_the_page_is_ignored(read, crop: list[int]) -> None:
    document = pikepdf.new()
    add_page(document, text_operators("Words", SIZE), SIZE, CropBox=crop)
    whole = letter_pdf("Words", size_points=SIZE).content
    (page,) = read(saved(document))
    np.testing.assert_array_equal(page.image, read_pdf(whole)[0])
    assert (page.reference.height, page.reference.width) == page.image.shape[:2]


def test_a_crop_box_partly_outside_of_the_page_crops_what_is_there(read) -> None:
    document = pikepdf.new()
    add_page(document, text_operators("Words", SIZE), SIZE, CropBox=[100, 50, 9000, 9000])
    np.testing.assert_array_equal(read(saved(document))[0].image, read_pdf(saved(document))[0])


def with_attachments(count: int) -> bytes:
    document = pikepdf.open(io.BytesIO(letter_pdf("Cover sheet", pages=2, size_points=SIZE).content))
    for number in range(count):
        document.attachments[f"annex {number}.pdf"] = letter_pdf("Annex").content
    return saved(document)


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1 attached file, which was not read"), (2, "2 attached files, which were not read")],
)
def test_attachments_are_named_once_on_the_first_page_that_is_read(read, count: int, said: str) -> None:
    content = with_attachments(count)
    for pages in (read(content), read(content, pages="2-")):
        assert [[warning.code for warning in page.warnings] for page in pages] == [
            ["ATTACHMENTS_NOT_READ"],
            *([[]] * (len(pages) - 1)),
        ]
        assert said in pages[0].warnings[0].message


def test_each_document_names_its_own_attachments(read) -> None:
    pages = read(with_attachments(1), with_attachments(0), with_attachments(2))
    assert [len(page.warnings) for page in pages] == [1, 0, 0, 0, 1, 0]


def xfa_pdf(*, needs_rendering: bool, has_field: bool) -> bytes:
    document = pikepdf.open(io.BytesIO(form_pdf(appearance=True)))
    document.Root.AcroForm.XFA = document.make_stream(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>")
    if needs_rendering:
        document.Root.NeedsRendering = True
    if not has_field:
        del document.pages[0].obj.Annots
        document.Root.AcroForm.Fields = pikepdf.Array()
    return saved(document)


@pytest.mark.parametrize(
    ("needs_rendering", "has_field", "codes"),
    [
        (True, False, ["FORM_NOT_SHOWN"]),
        (True, True, ["FORM_NOT_SHOWN"]),
        (False, False, ["FORM_NOT_SHOWN"]),
        (False, True, []),
    ],
)
def test_the_placeholder_of_an_xfa_form_says_that_it_is_one(
    read, needs_rendering: bool, has_field: bool, codes: list[str]
) -> None:
    (page,) = read(xfa_pdf(needs_rendering=needs_rendering, has_field=has_field))
    assert page.error is None
    assert [warning.code for warning in page.warnings] == codes
