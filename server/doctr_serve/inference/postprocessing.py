"""Raw outputs -> boxes and texts, by docTR's own post-processors, made for a request and not kept on a model.

Only the loop over the areas of a map is ours (:mod:`.area_boxes`), with docTR's boxes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
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

from doctr_serve.inference.area_boxes import straight_boxes, turned_boxes
from doctr_serve.inference.model_spec import ModelSpec
from doctr_serve.options import ReadingOptions

__all__ = ["RecognitionPostProcessor", "detection_postprocessor", "recognition_postprocessor"]

RecognitionPostProcessor = Callable[[torch.Tensor], list[tuple[str, float]]]
"""Logits (N, steps, characters) to N texts with their confidences, 0 to 1."""


class _LookingOnce(DetectionPostProcessor):
    """docTR's boxes. Before each area of a map is looked at: how many are there? One of 1024 x 1024 can have 65,536.

    The maps of an image, one for each class, share what it may have. Images are looked at one after the other, in the
    request's thread: the engine turns docTR's threads off.
    """

    check_candidates: Callable[[int], None]
    check_stopped: Callable[[], None]
    unclip_ratio: float
    _candidates = 0

    def _process_sample(self, proba_map: np.ndarray) -> list[np.ndarray]:
        self._candidates = 0
        return super()._process_sample(proba_map)

    def bitmap_to_boxes(self, pred: np.ndarray, bitmap: np.ndarray) -> np.ndarray:
        self.check_stopped()
        areas, _ = cv2.findContours(bitmap, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        self._candidates += len(areas)
        self.check_candidates(self._candidates)
        if self.assume_straight_pages:
            return straight_boxes(pred, areas, unclip_ratio=self.unclip_ratio, min_score=self.box_thresh)
        return turned_boxes(
            pred,
            areas,
            polygon_to_box=self.polygon_to_box,  # type: ignore[attr-defined]  # each family has it
            min_score=self.box_thresh,
        )


class _DB(_LookingOnce, DBPostProcessor):
    pass


class _FAST(_LookingOnce, FASTPostProcessor):
    pass


class _LinkNet(_LookingOnce, LinkNetPostProcessor):
    pass


# Which of docTR's models constructs which post-processor; by the first part of the architecture's name.
_DETECTION: dict[str, type[_LookingOnce]] = {
    "db": _DB,
    "fast": _FAST,
    "linknet": _LinkNet,
}
_RECOGNITION: dict[str, Any] = {
    "crnn": CTCPostProcessor,
    "master": MASTERPostProcessor,
    "parseq": PARSeqPostProcessor,
    "sar": SARPostProcessor,
    "viptr": VIPTRPostProcessor,
    "vitstr": ViTSTRPostProcessor,
}


def detection_postprocessor(
    spec: ModelSpec,
    options: ReadingOptions,
    check_candidates: Callable[[int], None],
    check_stopped: Callable[[], None] = lambda: None,
) -> DetectionPostProcessor:
    """Returns what turns probability maps (N, H, W, classes) into boxes, with the request's thresholds.

    Args:
        spec: the detection model's.
        options: the request's options.
        check_candidates: called with the number of areas of an image's maps so far, before docTR looks at each of the
            last map's; raises where these are too many.
        check_stopped: called before each map; raises where the request was stopped.
    """
    postprocessor = _DETECTION[_family(spec)](
        bin_thresh=options.binary_threshold,
        box_thresh=options.box_threshold,
        assume_straight_pages=options.assume_straight_pages,
    )
    postprocessor.check_candidates = check_candidates
    postprocessor.check_stopped = check_stopped
    return postprocessor


def recognition_postprocessor(spec: ModelSpec, allowed_characters: str = "") -> RecognitionPostProcessor:
    """Returns what decodes a recognition model's logits over its vocabulary.

    Args:
        spec: the recognition model's.
        allowed_characters: those of its vocabulary that may be read; empty for all of them.
    """
    family = _RECOGNITION[_family(spec)]
    if not allowed_characters:
        return family(vocab=spec.vocab)
    allowed = set(allowed_characters)
    # What docTR's `add_whitelist` sets to minus infinity is left out, which is the same to softmax and argmax. It keeps
    # the class after the vocabulary, which ends a word or separates characters, and no other (doctr/models/utils).
    kept = [index for index, character in enumerate(spec.vocab) if character in allowed]
    columns = torch.tensor([*kept, len(spec.vocab)])
    decode = family(vocab="".join(spec.vocab[index] for index in kept))
    return lambda logits: decode(logits[..., columns])


def _family(spec: ModelSpec) -> str:
    return spec.entry.architecture.partition("_")[0]
