"""Where the staged predictor goes on and docTR's own fails; that both agree elsewhere is a contract test."""

from __future__ import annotations

import numpy as np
import pytest
from doctr.utils.geometry import extract_rcrops
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.page_predictor import PagePredictor
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings


class Recognizer:
    """Stands for docTR's recognition predictor: one word per crop, named after the crop's size."""

    def __call__(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
        return [(f"{crop.shape[1]}x{crop.shape[0]}", 0.9) for crop in crops]


WIDTHLESS = [[0, 0.1], [0, 0.1], [0, 0.2], [0, 0.2]]
WORD = [[0.2, 0.2], [0.6, 0.2], [0.6, 0.4], [0.2, 0.4]]


def test_doctr_fails_on_a_box_without_width() -> None:
    """Should this fail one day, docTR has repaired it, and our own way around it can go."""
    with pytest.raises(IndexError):
        extract_rcrops(
            np.zeros((100, 100, 3), np.uint8), np.array([WIDTHLESS], np.float32), assume_horizontal=True
        )


def test_a_box_without_width_costs_itself_and_not_its_page() -> None:
    options = ReadingOptions(
        assume_straight_pages=False, disable_page_orientation=True, disable_text_orientation=True
    )
    predictor = PagePredictor(
        options,
        limits=PageLimits.from_settings(Settings()),
        interrupt=Interrupt(),
        min_orientation_confidence=0.0,
        detection=None,  # type: ignore[arg-type]
        recognition=Recognizer(),  # type: ignore[arg-type]
        page_orientation=None,
        text_orientation=lambda crops: [[0] * len(crops), [0] * len(crops), [1.0] * len(crops)],  # type: ignore[arg-type]
    )
    page = predictor.recognise(
        DetectedPage(
            np.zeros((100, 100, 3), np.uint8), np.array([WIDTHLESS, WORD], np.float32), np.array([0.3, 0.8])
        )
    )
    ((word,),) = [line.words for block in page.blocks for line in block.lines]
    assert (word.value, word.objectness_score) == ("40x20", 0.8)
