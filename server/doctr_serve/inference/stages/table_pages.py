"""The tables of pages and no other words."""

from __future__ import annotations

from dataclasses import replace

import torch
from doctr.io.elements import Page

from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.page_predictor import PagePredictor

__all__ = ["TablesPredictor"]


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
