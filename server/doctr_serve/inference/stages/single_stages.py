"""docTR's detection, its recognition and its key information extraction, each as the pipeline calls a predictor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from doctr.io.elements import KIEPage
from doctr.models.builder import KIEDocumentBuilder

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.language import language_of
from doctr_serve.inference.stages.page_predictor import PagePredictor
from doctr_serve.inference.stages.recognition import StreamedRecognition
from doctr_serve.inference.stages.working_memory import recognition_bytes

__all__ = ["FieldsPredictor", "PagesOfBoxes", "PicturesOfWords", "ReadPicture"]


@dataclass(frozen=True)
class ReadPicture:
    """What a picture of a word or a line says.

    Attributes:
        value: the text.
        confidence: of the text, 0 to 1.
    """

    value: str
    confidence: float


class PagesOfBoxes(PagePredictor):
    """Finds the words of pages, as docTR's ``detection_predictor`` does, and reads none."""

    def recognise(self, page: DetectedPage) -> DetectedPage:
        """Returns the page as it is."""
        return page


class PicturesOfWords:
    """Reads pictures of one word or line each, as docTR's ``recognition_predictor`` does.

    Args:
        recognition: docTR's recognition predictor.
        limits: bounds of a picture.
        interrupt: the request's stop signal, looked at before each picture; forwards look at it themselves.
    """

    def __init__(self, recognition: StreamedRecognition, limits: PageLimits, interrupt: Interrupt) -> None:
        self._recognition = recognition
        self._limits = limits
        self._interrupt = interrupt

    @property
    def batch_size(self) -> int:
        """Pictures that :meth:`detect` takes at once."""
        return self._recognition.pre_processor.batch_size

    def working_bytes(self, pixels: int) -> int:
        """Returns a bound of the bytes that pictures of up to ``pixels`` take beside their own."""
        return recognition_bytes(pixels, self._recognition)

    @torch.inference_mode()
    def detect(self, images: list[np.ndarray]) -> list[ReadPicture]:
        """Reads pictures, (H, W, 3) uint8 RGB: there is nothing to be found in them first.

        Raises:
            PageBeyondLimit: a picture has a shape that is not read, or is so wide that it has too many pieces.
        """
        for image in images:
            self._interrupt.check()
            self._limits.check_shape(*image.shape[:2])
        return [ReadPicture(value, float(confidence)) for value, confidence in self._recognition(images)]

    def recognise(self, picture: ReadPicture) -> ReadPicture:
        """Returns the picture's text, which :meth:`detect` has read."""
        return picture


class FieldsPredictor(PagePredictor):
    """Reads the words of each class of the detection model, as docTR's ``kie_predictor`` does."""

    keeps_classes = True

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields_builder = KIEDocumentBuilder(
            export_as_straight_boxes=self.doc_builder.export_as_straight_boxes
        )

    @torch.inference_mode()
    def recognise(self, page: DetectedPage) -> KIEPage:
        """Reads the words of one page, class by class.

        Returns:
            docTR's page of predictions, with orientation and language where asked for.

        Raises:
            PageBeyondLimit: its words are cut into too many pieces.
        """
        read = {name: self._words_of(part) for name, part in page.by_class().items()}
        texts = [text for _, _, values, _ in read.values() for text, _ in values]
        document = self.fields_builder(
            [page.image],
            [{name: boxes for name, (boxes, _, _, _) in read.items()}],
            [{name: scores for name, (_, scores, _, _) in read.items()}],
            [{name: values for name, (_, _, values, _) in read.items()}],
            [page.image.shape[:2]],
            [{name: orientations for name, (_, _, _, orientations) in read.items()}],
            [page.orientation] if page.orientation else None,
            [language_of(texts)] if self.detect_language else None,
        )
        return self._as_it_came(document, page)
