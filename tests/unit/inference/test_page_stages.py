"""A page of hundreds of words: cut group by group, stopped between two of them, and the same words as docTR's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import RequestCancelled
from doctr_serve.inference.limits import PageBeyondLimit, PageLimits
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.page_predictor import PagePredictor
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings

WORDS = 300
PAGE = np.random.default_rng(0).integers(0, 256, (600, 400, 3)).astype(np.uint8)


def boxes(*, turned: bool) -> np.ndarray:
    corners = np.random.default_rng(1).random((WORDS, 2)) * 0.9
    straight = np.concatenate((corners, corners + np.array([0.08, 0.02])), axis=1)
    return straight[:, [[0, 1], [2, 1], [2, 3], [0, 3]]] if turned else straight


class Recogniser:
    """One word per crop, named after the crop's pixels."""

    def __init__(self, cancel_after: int | None = None, interrupt: Interrupt | None = None) -> None:
        self.seen = 0
        self._cancel_after = cancel_after
        self._interrupt = interrupt

    def __call__(self, crops: Iterable[np.ndarray]) -> list[tuple[str, float]]:
        words = []
        for crop in crops:
            self.seen += 1
            words.append((f"{crop.shape} {int(crop.sum())}", 0.9))
            if self.seen == self._cancel_after and self._interrupt:
                self._interrupt.cancel()
        return words


class Classifier:
    """A class for each crop by its pixels; writes down how many crops came at once."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, crops: list[np.ndarray]) -> list[list[Any]]:
        self.batches.append(len(crops))
        classes = [int(crop.sum()) % 4 for crop in crops]
        return [classes, [(0, -90, 180, 90)[number] for number in classes], [0.5] * len(crops)]


def predictor(
    recogniser: Any, classifier: Any = None, interrupt: Interrupt | None = None, **options: Any
) -> PagePredictor:
    return PagePredictor(
        ReadingOptions(assume_straight_pages=classifier is None, group_lines=False, **options),
        limits=PageLimits.from_settings(Settings()),
        interrupt=interrupt or Interrupt(),
        min_orientation_confidence=0.0,
        detection=None,  # type: ignore[arg-type]
        recognition=recogniser,
        page_orientation=None,
        text_orientation=classifier,
    )


@pytest.mark.parametrize("turned", [False, True])
def test_words_boxes_and_orientations_are_those_of_doctr_which_cuts_all_at_once(turned: bool) -> None:
    classifier = Classifier() if turned else None
    page = predictor(Recogniser(), classifier).recognise(
        DetectedPage(PAGE, boxes(turned=turned), np.linspace(0, 1, WORDS))
    )
    doctr = predictor(Recogniser(), Classifier() if turned else None)
    crops, cut = doctr._prepare_crops([PAGE], [boxes(turned=turned)], assume_straight_pages=not turned)
    orientations: list[Any] = [(0, None)] * WORDS
    if turned:
        crops, cut, orientations = doctr._rectify_crops(crops, cut)
        assert classifier is not None
        assert classifier.batches == [128, 128, 44]
    words = {
        (word.value, word.geometry, word.crop_orientation["value"], word.crop_orientation["confidence"])
        for block in page.blocks
        for line in block.lines
        for word in line.words
    }
    assert words == {
        (text, tuple(map(tuple, np.reshape(box, (-1, 2)).tolist())), *orientation)
        for (text, _), box, orientation in zip(Recogniser()(crops[0]), cut[0], orientations, strict=True)
    }
    assert len(words) == WORDS


def test_a_cancelled_request_gets_no_further_group_of_crops() -> None:
    interrupt = Interrupt()
    recogniser = Recogniser(5, interrupt)
    with pytest.raises(RequestCancelled):
        predictor(recogniser, None, interrupt).recognise(
            DetectedPage(PAGE, boxes(turned=False), np.ones(WORDS))
        )
    assert recogniser.seen == 128


def test_words_too_wide_are_refused_before_any_is_cut() -> None:
    recogniser = Recogniser()
    page = np.zeros((120, 60_000, 3), np.uint8)
    rows = np.linspace(0, 0.99, 40)
    wide = np.stack((np.zeros(40), rows, np.ones(40), rows), axis=1)
    with pytest.raises(PageBeyondLimit, match="read in 799960 or more pieces"):
        predictor(recogniser).recognise(DetectedPage(page, wide, np.ones(40)))
    assert not recogniser.seen
