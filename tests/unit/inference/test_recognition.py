"""Recognition of crops that come one by one: docTR's own batches and words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from doctr.models.preprocessor import PreProcessor
from doctr.models.recognition.predictor import RecognitionPredictor
from doctr.models.recognition.predictor._utils import split_crops
from doctr_serve.inference.stages.preprocessing import BatchedPreProcessor
from doctr_serve.inference.stages.recognition import (
    CRITICAL_ASPECT_RATIO,
    OVERLAP_RATIO,
    TARGET_ASPECT_RATIO,
    StreamedRecognition,
    piece_counts,
)
from torch import nn


class Reader(nn.Module):
    """Stands for a recognition model: a text made of what it was given, whose batches are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.some_parameter = nn.Parameter(torch.empty(0), requires_grad=False)
        self.batches: list[torch.Tensor] = []

    def forward(self, batch: torch.Tensor, return_preds: bool = True) -> dict[str, Any]:
        self.batches.append(batch.clone())
        return {"preds": [(f"{image.mean():.6f}", float(image.std())) for image in batch]}


def crops(count: int) -> list[np.ndarray]:
    """Narrow ones and, every third, one that docTR cuts into pieces."""
    rng = np.random.default_rng(1)
    return [
        rng.integers(
            0, 256, (int(rng.integers(2, 30)), int(rng.integers(1, 700 if number % 3 else 60)), 3)
        ).astype(np.uint8)
        for number in range(count)
    ]


@pytest.mark.parametrize("batch_size", [1, 7, 64])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_batches_and_words_are_those_of_doctr(count: int, batch_size: int) -> None:
    arguments = {"output_size": (32, 128), "batch_size": batch_size, "preserve_aspect_ratio": True}
    doctrs, ours = Reader(), Reader()
    expected = RecognitionPredictor(PreProcessor(**arguments), doctrs)(crops(count))
    streamed = StreamedRecognition(BatchedPreProcessor(**arguments), ours, check_pieces=lambda pieces: None)
    assert streamed(iter(crops(count))) == expected
    assert len(ours.batches) == len(doctrs.batches)
    assert all(torch.equal(a, b) for a, b in zip(ours.batches, doctrs.batches, strict=True))


def test_the_pieces_of_a_crop_are_counted_as_doctr_cuts_them() -> None:
    doctr = RecognitionPredictor(PreProcessor((32, 128), 1), Reader())
    assert (doctr.critical_ar, doctr.target_ar, doctr.overlap_ratio) == (
        CRITICAL_ASPECT_RATIO,
        TARGET_ASPECT_RATIO,
        OVERLAP_RATIO,
    )
    heights = np.repeat(np.arange(1, 8), 300)
    widths = np.tile(np.arange(1, 301), 7)
    cut = [
        len(split_crops([np.empty((height, width, 3), np.uint8)], 8, 6, 0.5)[0])
        for height, width in zip(heights, widths, strict=True)
    ]
    assert piece_counts(heights, widths).tolist() == cut


def test_pieces_are_counted_before_they_are_cut() -> None:
    counted: list[int] = []

    def check(pieces: int) -> None:
        counted.append(pieces)
        if pieces > 1000:
            raise OverflowError

    model = Reader()
    recognition = StreamedRecognition(BatchedPreProcessor((32, 128), 8), model, check_pieces=check)
    with pytest.raises(OverflowError):
        recognition([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 3_000_000, 3), np.uint8)])
    assert counted == [1, 250_000]
    assert not model.batches
