from __future__ import annotations

import dataclasses
import io
import re

import numpy as np
import pikepdf
import pytest
from doctr.io import read_pdf
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import DecoderPool, SourceDocument
from doctr_serve.errors import EncryptedDocumentError, UnreadableDocumentError
from PIL import Image
from support.samples import (
    A4_POINTS,
    Sample,
    add_page,
    encoded,
    letter_image,
    letter_pdf,
    saved,
    text_operators,
)


def pdf(text: str = "A page with text", size=(300.3, 200.7), **entries) -> bytes:
    document = pikepdf.new()
    add_page(document, text_operators(text, size), size, **entries)
    return saved(document)


def transparent_pdf() -> bytes:
    document = pikepdf.new()
    page = add_page(document, b"/G gs 0 0 1 rg 20 20 100 100 re f", (200, 200))
    page.obj.Resources.ExtGState = pikepdf.Dictionary(G=pikepdf.Dictionary(ca=0.3))
    page.obj.Group = pikepdf.Dictionary(S=pikepdf.Name.Transparency, CS=pikepdf.Name.DeviceRGB)
    return saved(document)


def scan_pdf() -> bytes:
    return encoded(letter_image(width=620, font_pixels=16), "PDF", resolution=75)


KINDS = {
    "text": letter_pdf(pages=2).content,
    "scan": scan_pdf(),
    "odd size": pdf(size=(101.3, 77.7)),
    **{f"rotated {angle}": pdf(Rotate=angle) for angle in (90, 180, 270)},
    "cropped": pdf(CropBox=[10, 10, 190.5, 195]),
    "no size": pdf(size=(0, 0)),
    "infinite": pdf(MediaBox=[0, 0, 1e39, 1e39]),
    "upside-down box": pdf(MediaBox=[200, 300, 0, 0]),
    "transparency": transparent_pdf(),
    "no contents": pdf(""),
    "junk before the header": b"\n" * 100 + letter_pdf().content,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_exactly_doctrs_pixels(read, kind: str) -> None:
    expected = read_pdf(KINDS[kind])
    pages = read(KINDS[kind])
    assert len(pages) == len(expected)
    for page, image in zip(pages, expected, strict=True):
        assert (page.reference.height, page.reference.width) == image.shape[:2]
        np.testing.assert_array_equal(page.image, image)
        assert page.image.flags.c_contiguous
        assert page.image.flags.writeable


def test_the_samples_are_no_blank_pages(read) -> None:
    ink = {kind: (read(KINDS[kind])[0].image < 200).mean() for kind in KINDS if kind != "no contents"}
    assert all(share > 0.0002 for share in ink.values()), ink


def test_the_pages_option_reads_only_these_pages_of_every_multi_page_document(read) -> None:
    whole = read_pdf(letter_pdf(pages=5).content)
    picture = encoded(Image.new("RGB", (30, 20), "red"), "PNG")
    pages = read(letter_pdf(pages=5).content, picture, letter_pdf(pages=4).content, pages="2,4-")
    assert [(page.reference.document_index, page.reference.page_number) for page in pages] == [
        (0, 2),
        (0, 4),
        (0, 5),
        (1, 1),
        (2, 2),
        (2, 4),
    ]
    assert [page.reference.page_count for page in pages] == [5, 5, 5, 1, 4, 4]
    np.testing.assert_array_equal(pages[1].image, whole[3])


@pytest.fixture(scope="module", params=[2, 3, 4, 6], ids=["RC4-40", "RC4-128", "AES-128", "AES-256"])
def encrypted(request: pytest.FixtureRequest) -> SourceDocument:
    """An encrypted PDF with its password: beyond ASCII where the standard allows it."""
    document = pikepdf.new()
    add_page(document, text_operators("Secret"))
    password = "Grüße 7" if request.param == 6 else "swordfish"
    old = {"aes": False, "metadata": False} if request.param < 4 else {}
    content = saved(document, pikepdf.Encryption(user=password, owner="owner", R=request.param, **old))
    return SourceDocument("a.pdf", content, password)


def test_an_encrypted_pdf_without_password_asks_for_it(pool: DecoderPool, encrypted: SourceDocument) -> None:
    locked = dataclasses.replace(encrypted, pdf_password="")
    with pytest.raises(
        EncryptedDocumentError, match=r"'a.pdf': the PDF is encrypted; send its password as pdf_password"
    ):
        pool.open([locked], interrupt=Interrupt())


def test_a_wrong_password_is_told_from_a_missing_one_and_not_repeated(
    pool: DecoderPool, encrypted: SourceDocument
) -> None:
    with pytest.raises(EncryptedDocumentError, match=r"pdf_password does not open it") as caught:
        pool.open([dataclasses.replace(encrypted, pdf_password="hunter2")], interrupt=Interrupt())
    assert "hunter2" not in str(caught.value)


def test_the_right_password_opens_the_pdf(read, encrypted: SourceDocument) -> None:
    (page,) = read(encrypted)
    np.testing.assert_array_equal(page.image, read_pdf(encrypted.content, password=encrypted.pdf_password)[0])


def test_the_owners_password_opens_the_pdf_too(read, encrypted: SourceDocument) -> None:
    assert read(dataclasses.replace(encrypted, pdf_password="owner"))[0].error is None


def test_a_pdf_locked_against_changes_only_needs_no_password(read) -> None:
    sample = letter_pdf(owner_password="owner")
    np.testing.assert_array_equal(read(sample.content)[0].image, read_pdf(letter_pdf().content)[0])


def test_a_password_for_an_open_pdf_is_ignored(read) -> None:
    assert read(SourceDocument("a.pdf", letter_pdf().content, "anything"))[0].error is None


def test_a_password_is_in_no_repr() -> None:
    assert "swordfish" not in repr(SourceDocument("a.pdf", b"", "swordfish"))


def test_a_pdf_without_pages_is_unreadable_whatever_was_opened_before(pool: DecoderPool) -> None:
    documents = [SourceDocument("a.pdf", saved(pikepdf.new()))]
    for earlier in (letter_pdf().content, letter_pdf(password="swordfish").content):
        with pool.open([SourceDocument("b.pdf", earlier, "swordfish")], interrupt=Interrupt()):
            pass
        with pytest.raises(EncryptedDocumentError):
            pool.open([SourceDocument("b.pdf", letter_pdf(password="x").content)], interrupt=Interrupt())
        with pytest.raises(UnreadableDocumentError, match="has no pages"):
            pool.open(documents, interrupt=Interrupt())


def test_a_page_that_is_no_page_costs_only_itself(read) -> None:
    document = pikepdf.new()
    for number in range(3):
        add_page(document, text_operators(f"Page {number + 1}"), Damaged=number == 1)
    content = saved(document)
    whole = read_pdf(content)
    page_object = re.search(rb"<<[^\n]*/Damaged true[^\n]*>>", content)[0]
    pages = read(content.replace(page_object, b"null".ljust(len(page_object))))
    assert [page.error is None for page in pages] == [True, False, True]
    assert isinstance(pages[1].error, UnreadableDocumentError)
    assert (pages[1].error.document_name, pages[1].error.page_number) == ("file-1", 2)
    assert pages[1].image is None
    np.testing.assert_array_equal(pages[2].image, whole[2])


def test_a_pdf_cut_short_gives_the_pages_that_are_left(read) -> None:
    sample: Sample = letter_pdf(pages=6)
    content = sample.content[: len(sample.content) * 2 // 3]
    try:
        pages = read(content)
    except UnreadableDocumentError:
        pages = []
    with io.BytesIO(content) as file:
        expected = read_pdf(file) if pages else []
    assert [page.error for page in pages] == [None] * len(expected)
    for page, image in zip(pages, expected, strict=True):
        np.testing.assert_array_equal(page.image, image)


def test_a_pdf_may_come_as_a_file(read, tmp_path) -> None:
    path = tmp_path / "spooled"
    path.write_bytes(letter_pdf(pages=2).content)
    pages = read(SourceDocument("a.pdf", path))
    assert [page.image.shape for page in pages] == [(A4_POINTS[1] * 2, A4_POINTS[0] * 2, 3)] * 2
