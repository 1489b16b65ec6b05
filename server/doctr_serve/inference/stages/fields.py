"""docTR's key information extraction: words by the classes of the detection model, and the tables beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from doctr.io.elements import KIEPage, Prediction, Table
from doctr.models.builder import KIEDocumentBuilder
from doctr.models.reading_order import detect_text_direction, sort_reading_order

from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.language import language_of
from doctr_serve.inference.stages.page_builder import MAX_ORDERED
from doctr_serve.inference.stages.page_predictor import PagePredictor

__all__ = ["FieldsPredictor", "PageOfFields"]


@dataclass(frozen=True)
class PageOfFields:
    """A page by the classes of the detection model.

    Attributes:
        page: docTR's page of predictions.
        tables: docTR's tables, which its own such page does not have; their words stand in ``page``, too.
    """

    page: KIEPage
    tables: list[Table]


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
        if self.doc_builder.keep_reading_order:
            predictions = document.pages[0].predictions
            page.is_out_of_order = any(len(found) > MAX_ORDERED for found in predictions.values())
            for name, found in predictions.items():
                predictions[name] = _in_reading_order(found, page.image.shape[:2])
        fields = self.as_it_came(document, page)
        boxes = np.concatenate([boxes for boxes, _, _, _ in read.values()])
        words = [word for _, _, values, _ in read.values() for word in values]
        if self.fields_builder.export_as_straight_boxes and boxes.ndim == 3:
            boxes = np.concatenate((boxes.min(1), boxes.max(1)), axis=1)
        tables, _ = self.doc_builder._build_tables(boxes, words, self.tables_of(page))
        for element in (*tables, *(cell for table in tables for cell in table.cells)):
            self.map_back(element, page)
        return PageOfFields(fields, tables)


def _in_reading_order(words: list[Prediction], page_shape: tuple[int, int]) -> list[Prediction]:
    if len(words) > MAX_ORDERED:
        return words
    direction = detect_text_direction([word.value for word in words])
    geometries = [word.geometry for word in words]
    polygons = geometries if len(geometries) and len(geometries[0]) == 4 else None
    order = sort_reading_order(geometries, direction, page_shape=page_shape, angle_geoms=polygons)
    return [words[index] for index in order]
