from __future__ import annotations

import pytest
from doctr_serve.documents import PageWarning
from doctr_serve.documents.pages import warnings_of
from support.faulty_decoder import faulty
from support.samples import letter_pdf

TWO_PAGES = letter_pdf("Words", pages=2, size_points=(200, 100)).content


def test_an_ordinary_page_has_no_warnings(read) -> None:
    assert [page.warnings for page in read(TWO_PAGES)] == [(), ()]


def test_warnings_of_a_decoder_that_was_taken_over_are_bounded_and_clean(make_pool, read) -> None:
    pages = read(TWO_PAGES, through=make_pool(faulty("babble:0")))
    for page in pages:
        assert page.error is None
        assert page.warnings == (
            PageWarning("GOOD", "first"),
            PageWarning("LONG", "y" * 512),
            PageWarning("CONTROL", "a[31mbc"),
            PageWarning("LAST", ""),
            *[PageWarning("MANY", "z")] * 3,
        )


@pytest.mark.parametrize(
    "listed", [None, 7, "GOOD", {"GOOD": "x"}, [[]], [["GOOD", None]], [[["GOOD"], "x"]]]
)
def test_what_is_no_list_of_warnings_is_none(listed: object) -> None:
    assert warnings_of({"warnings": listed}) == ()


def test_an_answer_without_warnings_has_none() -> None:
    assert warnings_of({}) == ()
