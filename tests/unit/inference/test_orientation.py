"""A page's orientation: docTR's estimate, but no guess of a classifier that does not know."""

from __future__ import annotations

import numpy as np
import pytest
from doctr.models._utils import estimate_orientation
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.stages.orientation import page_orientation
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from support.pages import blank, letter


def lines_of_text(*, skew: int = 0) -> np.ndarray:
    """A map of text: long bars, one below the other, ``skew`` pixels lower at their right end."""
    text_map = np.zeros((512, 512, 1), np.uint8)
    for top in range(60, 450, 30):
        for column in range(60, 460):
            start = top + skew * (column - 60) // 400
            text_map[start : start + 8, column] = 255
    return text_map


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_guess_below_the_level_counts_as_upright_and_has_no_confidence(degrees: int) -> None:
    found = page_orientation(lines_of_text(), (degrees, 0.57), has_words=True, min_confidence=0.6)
    assert found == (0, None)


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_a_guess_from_the_level_on_is_docTRs_report(degrees: int) -> None:  # noqa: N802
    text_map = lines_of_text()
    found = page_orientation(text_map, (degrees, 0.6), has_words=True, min_confidence=0.6)
    assert found == (estimate_orientation(text_map, (degrees, 0.6)), 0.6)
    assert found[0] == degrees


def test_the_skew_of_a_page_is_reported_where_the_classifier_is_not_believed() -> None:
    text_map = lines_of_text(skew=40)
    skew, confidence = page_orientation(text_map, (180, 0.5), has_words=True, min_confidence=0.6)
    assert confidence is None
    assert skew == estimate_orientation(text_map, (0, 1.0))
    assert 4 <= abs(skew) <= 8


def test_a_page_without_words_is_upright_whatever_the_classifier_says() -> None:
    empty = np.zeros((512, 512, 1), np.uint8)
    assert page_orientation(empty, (90, 0.99), has_words=False, min_confidence=0.6) == (0, None)


@pytest.mark.parametrize("has_words", [True, False])
def test_a_level_of_0_is_docTRs_own_behaviour(has_words: bool) -> None:  # noqa: N802
    text_map = lines_of_text()
    for guess in ((90, 0.46), (180, 0.1), (0, 0.9)):
        found = page_orientation(text_map, guess, has_words=has_words, min_confidence=0.0)
        assert found == (estimate_orientation(text_map, guess), guess[1])


def test_upright_and_blank_pages_are_reported_upright_and_a_turned_one_as_it_is() -> None:
    settings = Settings(
        default_detection_model="bundled/db_mobilenet_v3_large",
        default_recognition_model="bundled/crnn_mobilenet_v3_small",
    )
    engine, interrupt = OCREngine(settings), Interrupt()
    options = ReadingOptions.defaults(settings, detect_orientation=True)
    predictor = engine.predictor(options, engine.choose(options, interrupt), interrupt)
    pages = [letter(), blank(), np.ascontiguousarray(np.rot90(letter()))]
    upright, without_words, turned = (page.orientation for page in predictor.detect(pages))
    engine.close()
    assert upright is not None
    assert upright["value"] == 0
    assert without_words == {"value": 0, "confidence": None}
    assert turned is not None
    assert turned["value"] == -90
    assert turned["confidence"] >= 0.6


def test_which_characters_are_allowed_does_not_decide_which_way_up_a_page_is() -> None:
    settings = Settings(
        default_detection_model="bundled/db_mobilenet_v3_large",
        default_recognition_model="bundled/crnn_mobilenet_v3_small",
        min_orientation_confidence=0.9,  # of a page for which the classifier's is lower, words are read both ways
    )
    engine, interrupt = OCREngine(settings), Interrupt()
    pages = [np.ascontiguousarray(np.rot90(letter(), quarters)) for quarters in range(4)]
    found = []
    for allowed in ("", "|"):
        options = ReadingOptions.defaults(settings, detect_orientation=True, allowed_characters=allowed)
        predictor = engine.predictor(options, engine.choose(options, interrupt), interrupt)
        found.append([page.orientation for page in predictor.detect(pages)])
    engine.close()
    assert found[0] == found[1]
    assert {orientation["value"] for orientation in found[0]} == {0, 90, 180, -90}
