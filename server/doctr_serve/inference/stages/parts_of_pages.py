"""What docTR's OCR does around words: regions, ignored ones, tables, and the way back to the page as it came."""

from __future__ import annotations

from typing import Any

import numpy as np
from doctr.io.elements import Document, Element
from doctr.models.predictor import OCRPredictor

from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.layout import Regions
from doctr_serve.inference.stages.tables import TABLE_CLASS, Grid, surest, table_regions

__all__ = ["PartsOfPages"]


class PartsOfPages(OCRPredictor):
    """docTR's OCR, set up by its subclass, which finds and reads the words."""

    _limits: PageLimits

    def regions_and_masked(self, images: list[np.ndarray]) -> tuple[list[Regions] | None, list[np.ndarray]]:
        """Returns each page's regions, where they are asked for, and the page with the ignored ones black."""
        regions = None if self.layout_predictor is None else self.layout_predictor(images)
        return regions, self._mask_regions(images, regions)

    def as_it_came(self, document: Document, page: DetectedPage) -> Any:
        """Returns a document's only page; its geometries are those of the page as it came where that is known."""
        if page.origin is not None:
            original = page.origin.image
            shapes = [original.shape[:2]], [page.image.shape[:2]]
            document = self._remap_to_original_coords(
                document, *shapes, [page.origin.to_original], [original]
            )
        return document.pages[0]

    def map_back(self, element: Element, page: DetectedPage) -> None:
        """Makes an element's geometry that of the page as it came, where that is known."""
        if page.origin is not None:
            height, width = page.image.shape[:2]
            original = page.origin.image.shape[:2]
            self._remap_geometry(element, page.origin.to_original, width, height, *original)

    def tables_of(self, page: DetectedPage) -> list[Grid] | None:
        """Returns the cells of the page's tables, without words; None where they are not asked for.

        docTR cuts all tables of a page out before the first forward; here one is in memory at a time.
        """
        if self.table_predictor is None or page.regions is None:
            return None
        found = table_regions(page.regions, page.image.shape[:2])
        tables = surest(found, self._limits.max_tables)
        grids = [grid for table in tables for grid in self._tables_from_regions([page.image], [table])[0]]
        page.tables_left_out = len(found) - len(tables)
        page.tables_cut_off = page.regions["class_names"].count(TABLE_CLASS) - len(found)
        page.tables_without_cells = len(tables) - len(grids)
        return grids
