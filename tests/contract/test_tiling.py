"""Long pages are read as ordinary ones are, and ordinary ones as before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from doctr_serve import Reader
from doctr_serve.errors import InvalidOptionError
from doctr_serve.reading.page_warnings import PAGE_TILED, TEXT_TOO_SMALL
from doctr_serve.stage import Stage
from support.pages import png, skewed, two_columns

from benchmarks.long_pages import Shape, drawn, lines_for, measure, settings, words_of

RECEIPT = Shape("receipt", 500, 4400, 24, 500)
BANNER = Shape("banner", 4200, 400, 20, 600)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    # The faster of the runtimes: what is compared here is read by the same one.
    with Reader(settings().model_copy(update={"runtime": "openvino"})) as reader:
        yield reader


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return lines_for(RECEIPT)


@pytest.fixture(scope="module")
def receipt(lines: list[str]) -> bytes:
    return drawn(lines, RECEIPT.width, RECEIPT.height, RECEIPT)


@pytest.mark.parametrize("shape", [RECEIPT, BANNER], ids=lambda shape: shape.name)
def test_97_of_100_words_that_ordinary_pages_have_are_read_on_a_long_one(
    shape: Shape, reader: Reader
) -> None:
    result = measure(reader, shape)
    assert result["words"] > 200
    assert result["ordinary_share"] > 0.9
    assert result["whole_share"] < 0.8 * result["ordinary_share"], "it needs no tiles"
    assert result["tiled_share"] >= 0.97 * result["ordinary_share"]
    assert result["tiled_extra"] <= result["ordinary_extra"] + 0.03, "words are doubled or cut"


def test_a_long_page_says_that_it_was_tiled_and_its_lines_come_in_order(
    lines: list[str], receipt: bytes, reader: Reader
) -> None:
    (reading,) = reader.read([receipt], reader.options(paragraph_break=0.035))
    assert [warning.code for warning in reading.warnings] == [PAGE_TILED]
    # Of 4,400 pixels 1,024 are left, and 7 of these are what a font needs.
    assert "text with a font size of less than 31 pixels would be lost" in reading.warnings[0].message
    read = [
        " ".join(word.value for word in line.words) for block in reading.page.blocks for line in block.lines
    ]
    places = {" ".join(line.split()): number for number, line in enumerate(lines)}
    found = [places[line] for line in read if line in places]
    assert len(found) > 0.6 * len(lines)
    assert found == sorted(found)


def test_without_tiles_it_says_that_text_was_lost(receipt: bytes, reader: Reader) -> None:
    (reading,) = reader.read([receipt], reader.options(tiling="off"))
    assert [warning.code for warning in reading.warnings] == [TEXT_TOO_SMALL]


@pytest.mark.parametrize(
    "options",
    [{}, {"assume_straight_pages": False}, {"straighten_pages": True, "assume_straight_pages": False}],
)
@pytest.mark.parametrize("page", [two_columns, skewed])
def test_an_ordinary_page_is_read_as_without_tiles_to_the_last_bit(
    page: object, options: dict[str, bool], reader: Reader
) -> None:
    content = png(page())  # type: ignore[operator]
    (auto,) = reader.read([content], reader.options(**options))
    (off,) = reader.read([content], reader.options(tiling="off", **options))
    assert auto.warnings == off.warnings == ()
    assert auto.page.export() == off.page.export()


def test_turned_words_of_a_long_page_have_four_corners(
    lines: list[str], receipt: bytes, reader: Reader
) -> None:
    options = reader.options(assume_straight_pages=False)
    (reading,) = reader.read([receipt], options, stage=Stage.DETECTION)
    assert reading.page.boxes.shape[1:] == (4, 2)
    assert len(reading.page.boxes) == pytest.approx(words_of(lines).total(), rel=0.1)


def test_a_blank_long_page_has_no_words_and_no_warning(reader: Reader) -> None:
    (reading,) = reader.read([png(np.full((6000, 700, 3), 255, np.uint8))])
    assert reading.page.blocks == []
    assert reading.warnings == (), "nothing was lost"


def test_a_value_that_tiling_does_not_have_is_refused_by_name(reader: Reader) -> None:
    with pytest.raises(InvalidOptionError, match="tiling must be auto or off"):
        list(reader.read([png(two_columns())], reader.options(tiling="on")))
