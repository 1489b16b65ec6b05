"""docTR's detection, its recognition and its layout, each as the pipeline calls a predictor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from doctr.io.elements import LayoutElement
from doctr.models.builder import DocumentBuilder
from doctr.models.layout.predictor import LayoutPredictor

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.stages.canvas import Shape, pixels
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.page_predictor import PagePredictor
from doctr_serve.inference.stages.recognition import StreamedRecognition
from doctr_serve.inference.stages.working_memory import (
    LAYOUT_CHANNELS,
    detecting_bytes,
    recognition_bytes,
)

__all__ = [
    "PageOfRegions",
    "PagesOfBoxes",
    "PagesOfRegions",
    "PicturesOfWords",
    "ReadPicture",
]


@dataclass(frozen=True)
class ReadPicture:
    """What a picture of a word or a line says.

    Attributes:
        value: the text.
        confidence: of the text, 0 to 1.
    """

    value: str
    confidence: float


@dataclass(frozen=True)
class PageOfRegions:
    """What a page consists of.

    Attributes:
        shape: its height and width, in pixels.
        elements: docTR's layout elements.
    """

    shape: tuple[int, int]
    elements: list[LayoutElement]


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

    @property
    def vocabulary(self) -> str:
        """The characters that it can read."""
        return self._recognition.vocabulary

    def working_bytes(self, shapes: Sequence[Shape]) -> int:
        """Returns a bound of the bytes that pictures of these shapes take beside their own."""
        return recognition_bytes(max(map(pixels, shapes), default=0), self._recognition)

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

    def kept_bytes(self, picture: ReadPicture) -> int:
        """Returns 0: no pixels are kept."""
        return 0

    def recognise(self, picture: ReadPicture) -> ReadPicture:
        """Returns the picture's text, which :meth:`detect` has read."""
        return picture


class PagesOfRegions:
    """Finds the regions of pages, as docTR's ``layout_predictor`` does.

    Args:
        layout: docTR's layout predictor.
        limits: bounds of a page.
    """

    def __init__(self, layout: LayoutPredictor, limits: PageLimits) -> None:
        self._layout = layout
        self._limits = limits

    @property
    def batch_size(self) -> int:
        """Pages that :meth:`detect` takes at once."""
        return self._layout.pre_processor.batch_size

    @property
    def vocabulary(self) -> str:
        """Empty: no characters are read."""
        return ""

    def working_bytes(self, shapes: Sequence[Shape]) -> int:
        """Returns a bound of the bytes that pages of these shapes take beside their own."""
        largest = max(map(pixels, shapes), default=0)
        return detecting_bytes(largest, self._layout.pre_processor, LAYOUT_CHANNELS)

    @torch.inference_mode()
    def detect(self, images: list[np.ndarray]) -> list[PageOfRegions]:
        """Returns the regions of pages, (H, W, 3) uint8 RGB.

        Raises:
            PageBeyondLimit: a page has a shape that is not read.
        """
        for image in images:
            self._limits.check_shape(*image.shape[:2])
        return [
            PageOfRegions(image.shape[:2], DocumentBuilder._build_layout_elements(regions))
            for image, regions in zip(images, self._layout(images), strict=True)
        ]

    def kept_bytes(self, page: PageOfRegions) -> int:
        """Returns 0: no pixels are kept."""
        return 0

    def recognise(self, page: PageOfRegions) -> PageOfRegions:
        """Returns the page's regions, which :meth:`detect` has found."""
        return page
