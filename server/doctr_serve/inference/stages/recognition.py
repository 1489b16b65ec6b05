"""Crops -> words, with docTR's own batches: what docTR holds of a whole page at once is here held of one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from doctr.models.recognition.predictor import RecognitionPredictor
from doctr.models.recognition.predictor._utils import remap_preds, split_crops

from doctr_serve.inference.stages.models import RecognitionModel
from doctr_serve.inference.stages.preprocessing import BatchedPreProcessor

__all__ = ["StreamedRecognition", "piece_counts"]

CRITICAL_ASPECT_RATIO = 8
TARGET_ASPECT_RATIO = 6
OVERLAP_RATIO = 0.5
"""docTR's own three, doctr/models/recognition/predictor/pytorch.py."""

PieceRange = int | tuple[int, int, float]
"""docTR's: the index of a crop that stayed whole, or first piece, end and last overlap of one that was cut."""


class StreamedRecognition(RecognitionPredictor):
    """docTR's recognition predictor for crops that are made while others are read.

    Its batches, and so its results, are those of docTR: consecutive pieces of the page's crops, ``batch_size`` of
    them. docTR cuts a wide crop into overlapping pieces (``split_crops``), any number of them.

    Args:
        preprocessor: resizes and normalises pieces.
        model: what runs and decodes a batch.
        check_pieces: called with the number of a page's pieces as it grows; raises where these are too many.
    """

    pre_processor: BatchedPreProcessor
    model: RecognitionModel

    def __init__(
        self,
        preprocessor: BatchedPreProcessor,
        model: RecognitionModel,
        *,
        check_pieces: Callable[[int], None],
    ) -> None:
        super().__init__(preprocessor, model)
        self._check_pieces = check_pieces

    @property
    def vocabulary(self) -> str:
        """The characters that its model can read."""
        return self.model.spec.vocab

    def with_whole_vocabulary(self) -> StreamedRecognition:
        """Returns the same predictor, where all characters that the model knows may be read."""
        model = self.model.with_whole_vocabulary()
        return StreamedRecognition(self.pre_processor, model, check_pieces=self._check_pieces)

    @torch.inference_mode()
    def forward(self, crops: Iterable[np.ndarray], **kwargs: Any) -> list[tuple[str, float]]:
        """Returns text and confidence, 0 to 1, of each crop (H, W, 3); takes the crops one by one."""
        ranges: list[PieceRange] = []
        predictions = [
            prediction
            for batch in self.pre_processor.batches(self._pieces(crops, ranges))
            for prediction in self.model(batch, return_preds=True)["preds"]
        ]
        return remap_preds(predictions, ranges, self.overlap_ratio)

    def _pieces(self, crops: Iterable[np.ndarray], ranges: list[PieceRange]) -> Iterator[np.ndarray]:
        """Yields the pieces of the crops and writes down which crop has which."""
        count = 0
        for crop in crops:
            # Counted before they are cut: the pieces of one crop alone can be millions.
            self._check_pieces(count + int(piece_counts(*np.array(crop.shape[:2]))))
            pieces, (piece_range,), _ = split_crops(
                [crop], self.critical_ar, self.target_ar, self.overlap_ratio
            )
            ranges.append(_moved(piece_range, count))
            count += len(pieces)
            yield from pieces


def piece_counts(heights: Any, widths: Any) -> np.ndarray:
    """Returns into how many pieces docTR cuts crops of these heights and widths, in pixels, from 1 up.

    ``split_crops`` of doctr/models/recognition/predictor/_utils.py: a crop more than 8 times as wide as high is cut
    into pieces of 6 heights that begin 3 heights apart; the last one ends where the crop does.
    """
    heights, widths = np.asarray(heights), np.asarray(widths)
    beyond_the_first = widths - TARGET_ASPECT_RATIO * heights
    step = (TARGET_ASPECT_RATIO * (1 - OVERLAP_RATIO) * heights).astype(int)
    cut = 1 + np.ceil(beyond_the_first / step).astype(int)
    return np.where(widths > CRITICAL_ASPECT_RATIO * heights, cut, 1)


def _moved(piece_range: PieceRange, offset: int) -> PieceRange:
    if isinstance(piece_range, int):
        return piece_range + offset
    first, end, last_overlap = piece_range
    return first + offset, end + offset, last_overlap
