from __future__ import annotations

import io

import numpy as np
import pikepdf
import pytest
from doctr.io import read_pdf
from support.samples import add_page, letter_image, letter_pdf, saved, text_operators

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
