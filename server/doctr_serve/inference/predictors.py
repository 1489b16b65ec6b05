"""One option set -> docTR's predictors over shared models, set up as docTR's own zoo does."""

from __future__ import annotations

from typing import Any

from doctr.models.classification.predictor import OrientationPredictor
from doctr.models.detection.predictor import DetectionPredictor
from doctr.models.preprocessor import PreProcessor
from doctr.models.recognition.predictor import RecognitionPredictor

from doctr_serve.catalog.entries import ModelTask
from doctr_serve.inference.shared_models import (
    DetectionModel,
    Forwarder,
    OrientationModel,
    RecognitionModel,
)
from doctr_serve.inference.store import LoadedModel
from doctr_serve.options import OCROptions

__all__ = [
    "detection_predictor",
    "disabled_orientation_predictor",
    "orientation_predictor",
    "recognition_predictor",
]

ORIENTATION_BATCH_SIZE = {ModelTask.PAGE_ORIENTATION: 4, ModelTask.TEXT_ORIENTATION: 128}
"""docTR's own, doctr/models/classification/zoo.py."""


def detection_predictor(model: LoadedModel, forwarder: Forwarder, options: OCROptions) -> DetectionPredictor:
    """Returns docTR's detection predictor with the thresholds and box shape of the request."""
    shared = DetectionModel(
        model.network,
        forwarder,
        model.postprocessor,
        binary_threshold=options.binary_threshold,
        box_threshold=options.box_threshold,
        assume_straight_pages=options.assume_straight_pages,
    )
    preprocessor = _preprocessor(
        shared.cfg,
        batch_size=options.detection_batch_size,
        preserve_aspect_ratio=options.preserve_aspect_ratio,
        symmetric_pad=options.symmetric_padding,
    )
    return DetectionPredictor(preprocessor, shared)


def recognition_predictor(
    model: LoadedModel, forwarder: Forwarder, options: OCROptions
) -> RecognitionPredictor:
    """Returns docTR's recognition predictor with the batch size of the request."""
    shared = RecognitionModel(model.network, forwarder)
    preprocessor = _preprocessor(
        shared.cfg,
        batch_size=options.recognition_batch_size,
        preserve_aspect_ratio=True,
        symmetric_pad=False,
    )
    return RecognitionPredictor(preprocessor, shared)


def orientation_predictor(model: LoadedModel, forwarder: Forwarder) -> OrientationPredictor:
    """Returns docTR's orientation predictor, for pages or for crops as the model's task says."""
    shared = OrientationModel(model.network, forwarder)
    preprocessor = _preprocessor(
        shared.cfg,
        batch_size=ORIENTATION_BATCH_SIZE[model.entry.task],
        preserve_aspect_ratio=True,
        symmetric_pad=True,
    )
    return OrientationPredictor(preprocessor, shared)


def disabled_orientation_predictor() -> OrientationPredictor:
    """Returns docTR's own stand-in for a disabled classifier, which answers 0 degrees."""
    return OrientationPredictor(None, None)


def _preprocessor(cfg: dict[str, Any], **arguments: Any) -> PreProcessor:
    """Returns a pre-processor for the input size (H, W), mean and deviation of docTR's model configuration."""
    return PreProcessor(tuple(cfg["input_shape"][-2:]), mean=cfg["mean"], std=cfg["std"], **arguments)
