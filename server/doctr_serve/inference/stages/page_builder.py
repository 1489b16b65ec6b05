"""docTR's builder of pages, in bounded memory, and only while its request lives."""

from __future__ import annotations

from typing import Any

import numpy as np
from doctr.io.elements import Page
from doctr.models.builder import DocumentBuilder

from doctr_serve.common.interrupt import Interrupt

__all__ = ["MAX_ORDERED", "ORDERING_BYTES", "PageBuilder"]

WORDS_AT_ONCE = 256
"""docTR tests every word of a page against every cell of a table at once: 70 bytes a pair."""
MAX_ORDERED = 3000
"""Lines, tables or fields that are put into reading order. docTR compares each with each: 12.4 bytes a pair."""
ORDERING_BYTES = MAX_ORDERED**2 * 13


class PageBuilder(DocumentBuilder):
    """docTR's builder, with its results.

    Args:
        interrupt: the request's stop signal, looked at between groups of words.
        **arguments: docTR's own.

    Attributes:
        is_out_of_order: whether the page built last had too much on it for its reading order.
    """

    def __init__(self, interrupt: Interrupt, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._interrupt = interrupt
        self.is_out_of_order = False

    def _points_in_polygons(self, points: np.ndarray, polys: np.ndarray) -> np.ndarray:  # type: ignore[override]
        """Returns which of the points lie in which of the polygons, (N, C) bool."""
        inside = np.zeros((len(points), len(polys)), dtype=bool)
        for start in range(0, len(points), WORDS_AT_ONCE):
            self._interrupt.check()
            group = slice(start, start + WORDS_AT_ONCE)
            inside[group] = DocumentBuilder._points_in_polygons(points[group], polys)
        return inside

    def _apply_reading_order(self, page: Page) -> None:
        parts = sum(len(block.lines) for block in page.blocks) + len(page.tables)
        if not self.resolve_lines:  # docTR makes lines of the words first
            parts += sum(len(line.words) for block in page.blocks for line in block.lines)
        self.is_out_of_order = parts > MAX_ORDERED
        if not self.is_out_of_order:
            super()._apply_reading_order(page)
