"""Raw outputs -> boxes and texts, by docTR's own post-processors, made for a request and not kept on a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from doctr.models.detection.core import DetectionPostProcessor
from doctr.models.detection.differentiable_binarization.base import DBPostProcessor
from doctr.models.detection.fast.base import FASTPostProcessor
from doctr.models.detection.linknet.base import LinkNetPostProcessor
from doctr.models.recognition.crnn.pytorch import CTCPostProcessor
from doctr.models.recognition.master.pytorch import MASTERPostProcessor
from doctr.models.recognition.parseq.pytorch import PARSeqPostProcessor
from doctr.models.recognition.sar.pytorch import SARPostProcessor
from doctr.models.recognition.viptr.pytorch import VIPTRPostProcessor
from doctr.models.recognition.vitstr.pytorch import ViTSTRPostProcessor

from doctr_serve.inference.model_spec import ModelSpec
from doctr_serve.options import ReadingOptions

__all__ = ["RecognitionPostProcessor", "detection_postprocessor", "recognition_postprocessor"]

RecognitionPostProcessor = Callable[[torch.Tensor], list[tuple[str, float]]]
"""Logits (N, steps, characters) to N texts with their confidences, 0 to 1."""

# Which of docTR's models constructs which post-processor; by the first part of the architecture's name.
_DETECTION: dict[str, type[DetectionPostProcessor]] = {
    "db": DBPostProcessor,
    "fast": FASTPostProcessor,
    "linknet": LinkNetPostProcessor,
}
_RECOGNITION: dict[str, Any] = {
    "crnn": CTCPostProcessor,
    "master": MASTERPostProcessor,
    "parseq": PARSeqPostProcessor,
    "sar": SARPostProcessor,
    "viptr": VIPTRPostProcessor,
    "vitstr": ViTSTRPostProcessor,
}


def detection_postprocessor(spec: ModelSpec, options: ReadingOptions) -> DetectionPostProcessor:
    """Returns what turns probability maps (N, H, W, classes) into boxes, with the request's thresholds."""
    return _DETECTION[_family(spec)](
        bin_thresh=options.binary_threshold,
        box_thresh=options.box_threshold,
        assume_straight_pages=options.assume_straight_pages,
    )


def recognition_postprocessor(spec: ModelSpec) -> RecognitionPostProcessor:
    """Returns what decodes a recognition model's logits over its vocabulary."""
    return _RECOGNITION[_family(spec)](vocab=spec.vocab)


def _family(spec: ModelSpec) -> str:
    return spec.entry.architecture.partition("_")[0]
