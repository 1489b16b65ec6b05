"""The second look at a page of whose direction the classifier is not sure: its words, read both ways round."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import RequestCancelled
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.stages.page_predictor import PagePredictor
from doctr_serve.inference.stages.reading_direction import MAX_WORDS, SURE_CONFIDENCE, checked_guess
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from support.pages import letter
from torch import nn

CLASSES = (0, -90, 180, 90)
"""Degrees of ``np.rot90(page, 0)``, ``np.rot90(page, 1)`` and so on, docTR's."""
HEIGHT, WIDTH = 800, 600
WORD_HEIGHT = 10


def page_of_words(lengths: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """A page of words, dark at their tops and less so at their bottoms, and their boxes with scores, (N, 5)."""
    page, boxes = np.full((HEIGHT, WIDTH, 3), 255, np.uint8), []
    for index, length in enumerate(lengths):
        top = 10 + 18 * index
        page[top : top + 5, 50 : 50 + length] = 10
        page[top + 5 : top + WORD_HEIGHT, 50 : 50 + length] = 120
        boxes.append([50 / WIDTH, top / HEIGHT, (50 + length) / WIDTH, (top + WORD_HEIGHT) / HEIGHT, 0.9])
    return page, np.array(boxes, np.float32).reshape(-1, 5)


def turned(page: np.ndarray, boxes: np.ndarray, turn: int) -> tuple[np.ndarray, np.ndarray]:
    """The page and its boxes as ``np.rot90`` turns them, counter-clockwise."""
    for _ in range(turn):
        left, top, right, bottom, score = boxes.T
        page, boxes = np.rot90(page), np.stack((top, 1 - right, bottom, 1 - left, score), axis=1)
    return np.ascontiguousarray(page), boxes


def as_polygons(boxes: np.ndarray) -> np.ndarray:
    """(N, 5, 2), as the detection of words at any angle returns them."""
    left, top, right, bottom, score = boxes.T
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (score, score)]
    return np.array(corners).transpose(2, 0, 1)


class Reader:
    """Reads with confidence what is dark at its top; every ``misread_every``-th word better upside down."""

    def __init__(self, misread_every: int | None = None) -> None:
        self.shapes: list[tuple[int, int]] = []
        self._misread_every = misread_every

    def __call__(self, crops: Iterable[np.ndarray]) -> list[tuple[str, float]]:
        words = []
        for index, crop in enumerate(crops):
            self.shapes.append((crop.shape[0], crop.shape[1]))
            is_upright = crop[: len(crop) // 2].mean() < crop[len(crop) // 2 :].mean()
            is_misread = self._misread_every is not None and index // 2 % self._misread_every == 0
            words.append(("word", 0.9 if is_upright != is_misread else 0.4))
        return words


@pytest.mark.parametrize("make_boxes", [np.asarray, as_polygons])
@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("is_right", [True, False])
def test_words_tell_which_way_up_the_page_is(
    make_boxes: Callable[[np.ndarray], np.ndarray], turn: int, is_right: bool
) -> None:
    page, boxes = turned(*page_of_words([50] * 18), turn)
    guess = CLASSES[turn] if is_right else CLASSES[(turn + 2) % 4]
    found = checked_guess((guess, 0.57), page, make_boxes(boxes), Reader(), min_confidence=0.6)
    assert found == (CLASSES[turn], 0.95)  # 18 of 18, and one more on either side


def test_the_confidence_is_the_share_of_the_words_that_read_better() -> None:
    page, boxes = page_of_words([50] * 30)
    found = checked_guess((180, 0.7), page, boxes, Reader(misread_every=5), min_confidence=0.6)
    assert found == (0, 0.78)  # 24 of 30: 25 in 32


@pytest.mark.parametrize("lengths", [[], [50] * 3, [12] * 20, [90] * 20])
def test_a_guess_stays_where_words_are_too_few_too_short_or_too_long(lengths: list[int]) -> None:
    page, boxes = page_of_words(lengths)
    assert checked_guess((180, 0.57), page, boxes, Reader(), min_confidence=0.6) == (180, 0.57)


@pytest.mark.parametrize("misread_every", [2, 3])
def test_a_guess_stays_where_the_votes_may_be_chance(misread_every: int) -> None:
    page, boxes = page_of_words([50] * 18)
    guess = (180, 0.7)
    assert checked_guess(guess, page, boxes, Reader(misread_every), min_confidence=0.6) == guess


def test_a_guess_stays_where_nothing_reads_better_one_way_round() -> None:
    page, boxes = page_of_words([50] * 18)
    found = checked_guess(
        (180, 0.7), page, boxes, lambda crops: [("", 0.0) for _ in crops], min_confidence=0.6
    )
    assert found == (180, 0.7)


@pytest.mark.parametrize(
    ("confidence", "min_confidence", "is_read"),
    [
        (SURE_CONFIDENCE, 0.6, False),
        (SURE_CONFIDENCE - 0.01, 0.6, True),
        (SURE_CONFIDENCE, 0.9, True),  # it would not be believed
        (0.1, 0.0, False),  # docTR's behaviour
    ],
)
def test_words_are_read_only_where_the_guess_is_not_sure(
    confidence: float, min_confidence: float, is_read: bool
) -> None:
    page, boxes = page_of_words([50] * 18)
    reader = Reader()
    found = checked_guess((180, confidence), page, boxes, reader, min_confidence=min_confidence)
    assert (len(reader.shapes) > 0) == is_read
    assert found == ((0, 0.95) if is_read else (180, confidence))


def test_the_longest_words_are_read_each_both_ways_and_no_more_of_them() -> None:
    lengths = [20 + index for index in range(43)]
    page, boxes = page_of_words(lengths)
    reader = Reader()
    checked_guess((0, 0.5), page, boxes, reader, min_confidence=0.6)
    read = [width - 1 for _, width in reader.shapes]  # docTR's crops have both edges
    expected = sorted(lengths, reverse=True)[:MAX_WORDS]
    assert read == [length for length in expected for _ in range(2)]


class Unsure(nn.Module):
    """Stands for the classifier: the same unsure guess for every page; calls ``then`` after it."""

    def __init__(self, degrees: int, then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._degrees = degrees
        self._then = then

    def forward(self, pages: list[np.ndarray]) -> list[list[float]]:
        self._then()
        return [[0] * len(pages), [self._degrees] * len(pages), [0.57] * len(pages)]


SETTINGS = Settings(
    default_detection_model="bundled/db_mobilenet_v3_large",
    default_recognition_model="bundled/crnn_mobilenet_v3_small",
)


@pytest.fixture(scope="module")
def engine() -> Iterable[OCREngine]:
    started = OCREngine(SETTINGS)
    yield started
    started.close()


def predictor(
    engine: OCREngine, classifier: Unsure, interrupt: Interrupt, *, assume_straight_pages: bool = True
) -> PagePredictor:
    """The bundled pair, with a classifier that is not sure."""
    options = ReadingOptions.defaults(
        SETTINGS, detect_orientation=True, assume_straight_pages=assume_straight_pages
    )
    found = engine.predictor(options, engine.choose(options, interrupt), interrupt)
    found.page_orientation_predictor = classifier  # type: ignore[assignment]
    return found


@pytest.mark.parametrize(("turn", "guess"), [(0, 180), (2, 0), (1, 90), (3, 90)])
@pytest.mark.parametrize("assume_straight_pages", [True, False])
def test_a_page_is_reported_as_its_words_read_and_not_as_a_classifier_in_doubt_has_it(
    engine: OCREngine, turn: int, guess: int, assume_straight_pages: bool
) -> None:
    page = np.ascontiguousarray(np.rot90(letter(), turn))
    reader = predictor(engine, Unsure(guess), Interrupt(), assume_straight_pages=assume_straight_pages)
    (found,) = reader.detect([page])
    assert found.orientation is not None
    assert found.orientation["value"] == CLASSES[turn]
    assert found.orientation["confidence"] >= 0.7


def test_a_second_look_is_left_undone_when_the_request_is_cancelled(engine: OCREngine) -> None:
    interrupt = Interrupt()
    reader = predictor(engine, Unsure(180, then=interrupt.cancel), interrupt)
    with pytest.raises(RequestCancelled):
        reader.detect([letter()])
