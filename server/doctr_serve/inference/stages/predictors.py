"""One option set -> docTR's predictors over shared models, set up as docTR's own zoo does."""

from __future__ import annotations

from typing import Any

from doctr.models.classification.predictor import OrientationPredictor
from doctr.models.detection.predictor import DetectionPredictor

from doctr_serve.catalog import ModelTask
from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.model_spec import ModelSpec
from doctr_serve.inference.postprocessing import detection_postprocessor, recognition_postprocessor
from doctr_serve.inference.stages.models import (
    DetectionModel,
    Forwards,
    OrientationModel,
    RecognitionModel,
)
from doctr_serve.inference.stages.preprocessing import BatchedPreProcessor
from doctr_serve.inference.stages.recognition import StreamedRecognition
from doctr_serve.inference.store import LoadedModel
from doctr_serve.options import ReadingOptions

__all__ = [
    "detection_predictor",
    "disabled_orientation_predictor",
    "orientation_predictor",
    "recognition_predictor",
]

ORIENTATION_BATCH_SIZE = {ModelTask.PAGE_ORIENTATION: 4, ModelTask.TEXT_ORIENTATION: 128}
"""docTR's own, doctr/models/classification/zoo.py."""


def detection_predictor(
    model: LoadedModel, forwards: Forwards, options: ReadingOptions, limits: PageLimits
) -> DetectionPredictor:
    """Returns docTR's detection predictor with the thresholds and box shape of the request.

    It raises ``PageBeyondLimit`` where an image's heat maps have more areas than a page may have candidates for words.
    """
    preprocessor = _preprocessor(
        model.spec,
        batch_size=options.detection_batch_size,
        preserve_aspect_ratio=options.preserve_aspect_ratio,
        symmetric_pad=options.symmetric_padding,
    )
    postprocessor = detection_postprocessor(
        model.spec, options, limits.check_candidates, forwards.interrupt.check
    )
    return DetectionPredictor(preprocessor, DetectionModel(model, forwards, postprocessor))


def recognition_predictor(
    model: LoadedModel, forwards: Forwards, options: ReadingOptions, limits: PageLimits
) -> StreamedRecognition:
    """Returns docTR's recognition predictor, for crops that come one by one, with the batch size of the request.

    It raises ``PageBeyondLimit`` where a page's crops are cut into too many pieces.
    """
    preprocessor = _preprocessor(
        model.spec,
        batch_size=options.recognition_batch_size,
        preserve_aspect_ratio=True,
        symmetric_pad=False,
    )
    postprocessor = recognition_postprocessor(model.spec, options.allowed_characters)
    return StreamedRecognition(
        preprocessor,
        RecognitionModel(model, forwards, postprocessor),
        check_pieces=limits.check_pieces,
    )


def orientation_predictor(model: LoadedModel, forwards: Forwards) -> OrientationPredictor:
    """Returns docTR's orientation predictor, for pages or for crops as the model's task says."""
    preprocessor = _preprocessor(
        model.spec,
        batch_size=ORIENTATION_BATCH_SIZE[model.spec.entry.task],
        preserve_aspect_ratio=True,
        symmetric_pad=True,
    )
    return OrientationPredictor(preprocessor, OrientationModel(model, forwards))


def disabled_orientation_predictor() -> OrientationPredictor:
    """Returns docTR's own stand-in for a disabled classifier, which answers 0 degrees."""
    return OrientationPredictor(None, None)


def _preprocessor(spec: ModelSpec, **arguments: Any) -> BatchedPreProcessor:
    """Returns a pre-processor for the input size (H, W), mean and deviation of the model."""
    return BatchedPreProcessor(spec.input_shape[-2:], mean=spec.mean, std=spec.std, **arguments)
