"""docTR's single predictors, each as the pipeline calls one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from doctr.io.elements import KIEPage, LayoutElement, Page, Prediction, Table
from doctr.models.builder import DocumentBuilder, KIEDocumentBuilder
from doctr.models.layout.predictor import LayoutPredictor
from doctr.models.reading_order import detect_text_direction, sort_reading_order

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.stages.canvas import Shape, pixels
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.language import language_of
from doctr_serve.inference.stages.page_predictor import PagePredictor
from doctr_serve.inference.stages.recognition import StreamedRecognition
from doctr_serve.inference.stages.working_memory import (
    LAYOUT_CHANNELS,
    detecting_bytes,
    recognition_bytes,
)

__all__ = [
    "FieldsPredictor",
    "PageOfFields",
    "PageOfRegions",
    "PagesOfBoxes",
    "PagesOfRegions",
    "PicturesOfWords",
    "ReadPicture",
    "TablesPredictor",
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


@dataclass(frozen=True)
class PageOfFields:
    """A page by the classes of the detection model.

    Attributes:
        page: docTR's page of predictions.
        tables: docTR's tables, which its own such page does not have; their words stand in ``page``, too.
    """

    page: KIEPage
    tables: list[Table]


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


class TablesPredictor(PagePredictor):
    """Reads the tables of pages, as docTR's ``ocr_predictor`` with ``detect_tables`` does, and no other words."""

    @torch.inference_mode()
    def recognise(self, page: DetectedPage) -> Page:
        """Returns docTR's page with its tables, and without the words that stand in none.

        Raises:
            PageBeyondLimit: its words are cut into too many pieces.
        """
        grids = self.tables_of(page)
        texts = [("", 0.0)] * len(page.boxes)
        _, is_in_table = self.doc_builder._build_tables(page.boxes, texts, grids)
        boxes, _, texts, _ = self._words_of(
            replace(page, boxes=page.boxes[is_in_table], scores=page.scores[is_in_table])
        )
        tables, _ = self.doc_builder._build_tables(boxes, texts, grids)
        return Page(page.image, [], 0, page.image.shape[:2], tables=tables)


class FieldsPredictor(PagePredictor):
    """Reads the words of each class of the detection model, as docTR's ``kie_predictor`` does."""

    keeps_classes = True

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields_builder = KIEDocumentBuilder(
            export_as_straight_boxes=self.doc_builder.export_as_straight_boxes
        )

    @torch.inference_mode()
    def recognise(self, page: DetectedPage) -> PageOfFields:
        """Reads the words of one page, class by class.

        Returns:
            docTR's page of predictions, with orientation, language and layout where asked for, and its tables.

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
            [page.regions],
        )
        fields = self.as_it_came(document, page)
        if self.doc_builder.keep_reading_order:
            fields.predictions = {name: _in_reading_order(own) for name, own in fields.predictions.items()}
        boxes = np.concatenate([boxes for boxes, _, _, _ in read.values()])
        words = [word for _, _, values, _ in read.values() for word in values]
        if self.fields_builder.export_as_straight_boxes and boxes.ndim == 3:
            boxes = np.concatenate((boxes.min(1), boxes.max(1)), axis=1)
        tables, _ = self.fields_builder._build_tables(boxes, words, self.tables_of(page))
        for element in (*tables, *(cell for table in tables for cell in table.cells)):
            self.map_back(element, page)
        return PageOfFields(fields, tables)


def _in_reading_order(words: list[Prediction]) -> list[Prediction]:
    direction = detect_text_direction([word.value for word in words])
    return [words[index] for index in sort_reading_order([word.geometry for word in words], direction)]
