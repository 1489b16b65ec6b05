"""The language of a page is believed only where it is sure."""

from __future__ import annotations

import numpy as np
import pytest
from doctr.datasets.vocabs import VOCABS
from doctr.io.elements import Block, KIEPage, Line, Page, Prediction, Word
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.single_stages import ReadPicture
from doctr_serve.reading.page_warnings import language_warnings

BOX = ((0.0, 0.0), (1.0, 1.0))
UPRIGHT = {"value": 0, "confidence": None}
PIXELS = np.zeros((10, 10, 3), np.uint8)


def page(language: str | None, confidence: float | None, letters: int = 300) -> Page:
    word = Word("x" * letters, 0.9, BOX, 0.9, UPRIGHT)
    spoken = {"value": language, "confidence": confidence}
    return Page(PIXELS, [Block([Line([word])])], 0, (10, 10), language=spoken)


def fields(language: str) -> KIEPage:
    prediction = Prediction("x" * 300, 0.9, BOX, 0.9, UPRIGHT)
    spoken = {"value": language, "confidence": 0.999}
    return KIEPage(PIXELS, {"words": [prediction]}, 0, (10, 10), language=spoken)


def test_a_sure_language_with_unknown_letters_is_named_and_a_few_of_the_letters() -> None:
    for read in (page("ru", 0.999), fields("ru")):
        (warning,) = language_warnings(read, VOCABS["french"])
        assert "in Russian" in warning.message
        assert f"{' '.join(VOCABS['russian'][:12])} and 21 more:" in warning.message


@pytest.mark.parametrize(
    "read",
    [
        page("ru", 0.86),
        page("ru", 0.999, letters=149),
        page("en", 0.999),
        page("unknown", 0.0),
        page(None, None),
        ReadPicture("word", 0.9),
        DetectedPage(PIXELS, np.zeros((0, 4)), np.zeros(0)),
    ],
    ids=["doubtful", "short", "known letters", "unknown", "not asked for", "a picture of a word", "boxes"],
)
def test_nothing_is_said_of_others(read: object) -> None:
    assert language_warnings(read, VOCABS["french"]) == ()


def test_a_model_that_knows_the_letters_is_not_at_fault() -> None:
    assert language_warnings(page("ru", 0.999), VOCABS["russian"]) == ()
