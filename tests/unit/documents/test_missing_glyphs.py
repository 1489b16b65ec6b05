"""Looking for characters that a page does not show: all of its texts, and at a bounded cost that is never the page."""

from __future__ import annotations

import time
from types import ModuleType

import pypdfium2 as pdfium
import pytest
from doctr_serve.decoder import pdf_effort, pdf_missing_glyphs, pdf_substitutes
from doctr_serve.decoder.budget import Budget
from doctr_serve.decoder.notices import Notice
from doctr_serve.decoder.pdf_scan import pictures_of
from support.pdf_fonts import cid_font, page_in, simple_font, to_unicode

# Letters of the Vai syllabary, which no font that PDFium puts in a missing one's place has.
VAI = "".join(map(chr, range(0xA500, 0xA508)))
VAI_CODES = b"".join(code.to_bytes(2, "big") for code in range(3, 3 + len(VAI)))
PLENTY_S = 60.0


def vai_page(codes: bytes = VAI_CODES, **layout: str | tuple[float, float]) -> bytes:
    return page_in(cid_font("NoSuchVai"), codes, mapping=to_unicode(VAI, 3), **layout)


def shown(at: int) -> str:
    """Operators that show the letters, as a text object of its own."""
    return f"BT /F1 24 Tf 20 {at} Td <{VAI_CODES.hex()}> Tj ET "


def lines(count: int) -> str:
    return "0 0 1 1 re f " * count


def on_each_other(letters: int) -> bytes:
    """A page at the limit of pixels, with letters of its size in nearly the same place."""
    side, size = 3500, 2800
    codes = VAI_CODES * (letters // len(VAI))
    spread = f"/F1 {size} Tf {0.5 - size} Tc 1 0 0 1 350 700 Tm <{codes.hex()}> Tj"
    return vai_page(b"", before=f"BT {spread} ET", size=(side, side))


def noticed(content: bytes, seconds: float = PLENTY_S) -> tuple[Notice, ...]:
    """What the check says of a file's first page, in this process."""
    with pdfium.PdfDocument(content) as document:
        page = document[0]
        bitmap = page.render(scale=2, rev_byteorder=True)
        return pdf_missing_glyphs.missing_glyphs(page, pictures_of(page), bitmap, 0, seconds)


def test_text_after_thousands_of_lines_is_looked_at(read) -> None:
    (page,) = read(vai_page(before=shown(50) + lines(4000)))
    (warning,) = page.warnings
    assert warning.message.startswith("16 characters of the page could not be drawn: "), (
        "8 before and 8 after"
    )


def test_of_more_objects_than_are_looked_at_the_least_is_said(read) -> None:
    (page,) = read(vai_page(before=shown(50) + lines(50_000)))
    (warning,) = page.warnings
    assert warning.message.startswith("at least 8 characters of the page could not be drawn: ")


def test_text_below_a_picture_late_on_the_page_does_not_count(read) -> None:
    picture = "q 300 0 0 200 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x7f EI Q "
    (page,) = read(vai_page(before=lines(4000) + shown(50) + picture))
    (warning,) = page.warnings
    assert warning.message.startswith("8 characters of the page"), "those above it"


def test_more_characters_than_are_looked_at_are_said_to_be_at_least_so_many(read) -> None:
    font = simple_font("NoSuchFont", glyphs=["uniA500", "a"])
    letters = f"<{'02' * 30_000}> Tj "
    before = f"BT /F1 9 Tf 20 50 Td <010101> Tj {letters * 2} ET"
    (page,) = read(page_in(font, b"\1" * 5, before=before))
    (warning,) = page.warnings
    assert warning.message.startswith("at least 3 characters of the page"), "there are five more"


def test_letters_as_large_as_a_page_at_the_limit_do_not_cost_the_page(read) -> None:
    (page,) = read(on_each_other(800))
    assert page.error is None
    (warning,) = page.warnings
    assert warning.code == "CHARACTERS_NOT_SHOWN"
    assert warning.message.startswith("at least ")


@pytest.mark.parametrize(
    ("seconds", "pixels"), [(0.5, 10**12), (PLENTY_S, pdf_effort.MAX_PIXELS)], ids=["of time", "of pixels"]
)
def test_one_bound_is_enough_to_end_the_check(seconds: float, pixels: int, monkeypatch) -> None:
    content = on_each_other(800)
    monkeypatch.setattr(pdf_effort, "MAX_PIXELS", pixels)
    monkeypatch.setattr(pdf_missing_glyphs, "MAX_SECONDS", seconds)
    started = time.monotonic()
    (notice,) = noticed(content)
    assert notice.message.startswith("at least ")
    assert time.monotonic() - started < 20, "without a bound a minute"


@pytest.mark.parametrize(
    ("module", "bound"),
    [
        (pdf_missing_glyphs, "MAX_MISSING"),
        (pdf_missing_glyphs, "MAX_CHARACTERS"),
        (pdf_substitutes, "MAX_LETTERS_OF_FONT"),
    ],
)
def test_what_a_bound_leaves_out_is_said(module: ModuleType, bound: str, monkeypatch) -> None:
    monkeypatch.setattr(module, bound, 4)
    (notice,) = noticed(vai_page())
    assert notice.message.startswith("at least 4 characters of the page")


def test_where_no_time_is_left_nothing_is_looked_at() -> None:
    content = vai_page()
    assert [notice.message[:2] for notice in noticed(content)] == ["8 "]
    assert noticed(content, seconds=0.0) == ()


def test_bounds_of_time_and_pixels_are_kept_and_remembered() -> None:
    effort = pdf_effort.Effort(PLENTY_S)
    assert effort.allows(pdf_effort.MAX_PIXELS - 1)
    assert effort.allows(1)
    assert not effort.is_over()
    assert not effort.reached
    assert not effort.allows(1)
    assert effort.reached
    late = pdf_effort.Effort(0.0)
    assert late.is_over()
    assert late.reached


def test_the_time_that_is_left_is_the_processors_or_the_clocks() -> None:
    budget = Budget(0, 1.2, 100, 100)
    budget.begin()
    try:
        assert 0.5 < budget.left_s() < 1.1, "a page's least share of the processor"
        time.sleep(0.7)
        assert 0 < budget.left_s() <= 0.5, "until the server gives the page up"
        time.sleep(0.6)
        assert budget.left_s() == 0
    finally:
        budget.end()
