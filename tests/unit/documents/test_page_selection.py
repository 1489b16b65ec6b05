from __future__ import annotations

import time

import pytest
from doctr_serve.documents.page_selection import PageSelection
from doctr_serve.errors import InvalidOptionError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "page_count", "expected"),
    [
        ("", 3, [1, 2, 3]),
        ("  ", 2, [1, 2]),
        ("2", 3, [2]),
        ("1-3,7", 9, [1, 2, 3, 7]),
        ("5-", 7, [5, 6, 7]),
        (" 1 - 2 , 4 ", 5, [1, 2, 4]),
        ("7,1-3", 9, [1, 2, 3, 7]),
        ("1-3,2-4,3", 9, [1, 2, 3, 4]),
        ("4-,2-,6", 6, [2, 3, 4, 5, 6]),
        ("1-100", 3, [1, 2, 3]),
        ("1,999999999", 3, [1]),
    ],
)
def test_pages_are_selected_in_document_order_each_once(
    text: str, page_count: int, expected: list[int]
) -> None:
    selection = PageSelection(text)
    assert selection.select(page_count) == expected
    assert selection.count(page_count) == len(expected)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0-3",
        "3-1",
        "a",
        "1,,2",
        ",",
        "1-2-3",
        "-3",
        "-",
        "1.5",
        "1;2",
        "+1",
        "१",
        "9" * 5000,
        "1\n2",
        "1-0",
        "1-" + " " * 8000 + "x",
        " " * 8000 + "x",
        "1," * 4096 + "1",
        "9" * 6_000_000,
        "1-3," * 2_000_000,
    ],
)
def test_a_malformed_selection_names_the_option_and_shows_the_right_form(text: str) -> None:
    started = time.process_time()
    with pytest.raises(InvalidOptionError, match=r"'1-3,7' or '5-'") as caught:
        PageSelection(text)
    assert time.process_time() - started < 0.5
    assert caught.value.field == "pages"
    assert len(caught.value.message) < 300


def test_a_thousand_pages_can_be_named_one_by_one() -> None:
    pages = list(range(10_000, 12_000, 2))
    assert PageSelection(",".join(map(str, pages))).select(20_000) == pages


def test_a_long_selection_of_nothing_is_quoted_short() -> None:
    with pytest.raises(InvalidOptionError, match="selects nothing") as caught:
        PageSelection("4," * 1000 + "5").check_not_empty("a.pdf", 3)
    assert len(caught.value.message) < 300


def test_a_selection_of_nothing_names_the_document_and_its_page_count() -> None:
    with pytest.raises(InvalidOptionError, match=r"'4-' selects nothing of 'a.pdf', which has 3 pages"):
        PageSelection("4-").check_not_empty("a.pdf", 3)


ranges = st.tuples(st.integers(1, 40), st.none() | st.integers(0, 20))


@given(st.lists(ranges, min_size=1, max_size=8), st.integers(1, 50))
def test_any_mix_of_ranges_selects_their_union(parts: list[tuple[int, int | None]], page_count: int) -> None:
    text = ",".join(f"{first}-" if length is None else f"{first}-{first + length}" for first, length in parts)
    expected = {
        page
        for first, length in parts
        for page in range(first, page_count + 1 if length is None else first + length + 1)
        if page <= page_count
    }
    assert PageSelection(text).select(page_count) == sorted(expected)
