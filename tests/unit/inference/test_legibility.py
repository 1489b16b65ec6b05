"""Text that was scaled too small to be found: said of long pages, and never of ordinary ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from doctr_serve.documents.pages import PageWarning
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.legibility import smallest_legible_pixels
from doctr_serve.reading import Reader
from doctr_serve.reading.page_warnings import PAGE_SCALED_DOWN, TEXT_TOO_SMALL, warnings_of
from doctr_serve.settings import Settings
from PIL import Image, ImageDraw, ImageFont
from support.pages import png, two_columns

NO_WORDS = np.zeros((0, 4))


def legible(shape: tuple[int, int], boxes: np.ndarray = NO_WORDS, *, keeps_ratio: bool = True) -> int | None:
    return smallest_legible_pixels(shape, boxes, input_shape=(1024, 1024), preserve_aspect_ratio=keeps_ratio)


def words_of_height(page_pixels: float, page_height: int, *, turned: bool = False) -> np.ndarray:
    """Twenty words, 100 pixels of a page of 2,000 pixels' width wide."""
    tops = np.linspace(0.1, 0.8, 20)
    left, width = np.full(20, 0.1), np.full(20, 0.05)
    straight = np.stack((left, tops, left + width, tops + page_pixels / page_height), axis=1)
    return straight[:, [[0, 1], [2, 1], [2, 3], [0, 3]]] if turned else straight


@pytest.mark.parametrize(
    "shape",
    [(3508, 2480), (7016, 4961), (4961, 7016), (2000, 700), (3200, 900), (1000, 754), (300, 40), (20, 300)],
    ids=["A4", "A3", "A3 landscape", "receipt", "long receipt", "form", "bookmark", "line of text"],
)
def test_an_ordinary_page_is_legible(shape: tuple[int, int]) -> None:
    assert legible(shape) is None


@pytest.mark.parametrize(
    ("shape", "font_pixels"),
    [((12_000, 700), 83), ((700, 12_000), 83), ((6000, 800), 42), ((20_000, 3), 137)],
)
def test_a_long_page_is_not_and_the_size_of_lost_text_is_known(
    shape: tuple[int, int], font_pixels: int
) -> None:
    assert legible(shape) == font_pixels


def test_a_wide_page_whose_ratio_is_not_kept_stays_as_high_as_the_input() -> None:
    assert legible((700, 12_000), keeps_ratio=False) is None
    assert legible((12_000, 700), keeps_ratio=False) == 83


@pytest.mark.parametrize("turned", [False, True])
def test_words_that_are_hardly_found_tell_of_smaller_ones_that_are_not(turned: bool) -> None:
    # 2,800 pixels become 1,024: 22 are 8 there, 25 are 9.
    assert legible((2800, 2000), words_of_height(22, 2800, turned=turned)) == 20
    assert legible((2800, 2000), words_of_height(25, 2800, turned=turned)) is None


def test_a_page_that_is_enlarged_is_not_at_fault() -> None:
    assert legible((500, 400), words_of_height(3, 500)) is None


def test_a_warning_names_the_page_and_the_font_size() -> None:
    image = np.zeros((12_000, 700, 3), np.uint8)
    (warning,) = warnings_of(DetectedPage(image, NO_WORDS, np.zeros(0), smallest_legible_pixels=83))
    assert isinstance(warning, PageWarning)
    assert warning.code == TEXT_TOO_SMALL
    assert "700 x 12000 pixels" in warning.message
    assert "less than 83 pixels" in warning.message


def test_a_page_that_was_scaled_to_be_straightened_says_so() -> None:
    (warning,) = warnings_of(DetectedPage(np.zeros((50, 40, 3), np.uint8), NO_WORDS, np.zeros(0), scale=0.5))
    assert warning.code == PAGE_SCALED_DOWN
    assert "50% of its size, 40 x 50 pixels" in warning.message


def long_receipt() -> np.ndarray:
    """120 lines of a receipt, 700 x 12,000 pixels."""
    page = Image.new("RGB", (700, 12_000), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(34)
    for line in range(120):
        draw.text((40, 40 + 99 * line), f"garden chair {line:>3}      {line}.50", "black", font)
    return np.asarray(page)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    settings = Settings(
        default_detection_model="bundled/db_mobilenet_v3_large",
        default_recognition_model="bundled/crnn_mobilenet_v3_small",
        max_concurrent_requests=1,
    )
    with Reader(settings) as reader:
        yield reader


def test_untiled_a_long_receipt_is_read_with_a_warning_and_an_ordinary_page_without(reader: Reader) -> None:
    documents = [png(long_receipt()), png(two_columns())]
    receipt, page = reader.read(documents, reader.options(tiling="off"))
    assert [warning.code for warning in receipt.warnings] == [TEXT_TOO_SMALL]
    assert receipt.error is None
    assert page.warnings == ()
