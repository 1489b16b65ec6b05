"""How much of a page is worked on: bounds that the stages check before they do what costs memory or time."""

from __future__ import annotations

from dataclasses import dataclass

from doctr_serve.errors import DocumentError, PageShapeError, TooManyWordsError
from doctr_serve.settings import Settings

__all__ = ["PageBeyondLimit", "PageLimits"]

CANDIDATES_PER_WORD = 4
"""Areas of an image's heat maps that are looked at per word that a page may have: most of what is no word is dropped by
its size or its score. docTR takes 0.1 to 0.2 ms for one (``bitmap_to_boxes`` of doctr/models/detection)."""
PIECES_PER_WORD = 4
"""Pieces that are recognised per word that a page may have: docTR cuts wide words into several."""


class PageBeyondLimit(Exception):
    """A page is more than the server works on; its name is known to the pipeline alone.

    Args:
        kind: the error that its caller sees.
        problem: what is too much, and the limit.
    """

    def __init__(self, kind: type[DocumentError], problem: str) -> None:
        super().__init__(problem)
        self._kind = kind
        self._problem = problem

    def of(self, document_name: str, page_number: int) -> DocumentError:
        """Returns the error of the page of this name."""
        return self._kind(document_name, self._problem, page_number=page_number)


@dataclass(frozen=True)
class PageLimits:
    """Bounds of one page, which are settings.

    Attributes:
        max_words: words of a page (``max_words_per_page``).
        max_side_pixels: its longer side (``max_page_side_pixels``).
        max_aspect_ratio: its longer side over its shorter one (``max_page_aspect_ratio``).
        max_pixels: pixels of a page that is being turned (``max_page_pixels``).
        max_tables: tables of a page (``max_tables_per_page``).
    """

    max_words: int
    max_side_pixels: int
    max_aspect_ratio: float
    max_pixels: int
    max_tables: int

    @classmethod
    def from_settings(cls, settings: Settings) -> PageLimits:
        """Returns the limits that ``settings`` names."""
        return cls(
            max_words=settings.max_words_per_page,
            max_side_pixels=settings.max_page_side_pixels,
            max_aspect_ratio=settings.max_page_aspect_ratio,
            max_pixels=settings.max_page_pixels,
            max_tables=settings.max_tables_per_page,
        )

    def check_shape(self, height: int, width: int) -> None:
        """Returns for a page of ordinary shape.

        Raises:
            PageBeyondLimit: a side, or the ratio of the sides, is beyond its limit.
        """
        longer, shorter = max(height, width), min(height, width)
        if longer > self.max_side_pixels:
            raise PageBeyondLimit(
                PageShapeError,
                f"{width} x {height} pixels; the longer side may have {self.max_side_pixels} "
                "(max_page_side_pixels): cut the page into several, or scale it down",
            )
        if longer > self.max_aspect_ratio * shorter:
            raise PageBeyondLimit(
                PageShapeError,
                f"{width} x {height} pixels; one side may be {self.max_aspect_ratio:g} times the other "
                "(max_page_aspect_ratio): cut the page into several",
            )

    def check_candidates(self, count: int) -> None:
        """Returns where an image's heat maps, one for each class, have few enough areas for boxes.

        Raises:
            PageBeyondLimit: there are more than ``CANDIDATES_PER_WORD`` a word.
        """
        if count > CANDIDATES_PER_WORD * self.max_words:
            self._refuse(f"{count} areas that look like words")

    def check_words(self, count: int) -> None:
        """Returns where a page has few enough words.

        Raises:
            PageBeyondLimit: there are more than ``max_words``.
        """
        if count > self.max_words:
            self._refuse(f"{count} words")

    def check_pieces(self, count: int) -> None:
        """Returns where a page's words are cut into few enough pieces.

        Raises:
            PageBeyondLimit: there are more than ``PIECES_PER_WORD`` a word.
        """
        if count > PIECES_PER_WORD * self.max_words:
            self._refuse(f"words so wide that they are read in {count} or more pieces")

    def _refuse(self, found: str) -> None:
        raise PageBeyondLimit(
            TooManyWordsError,
            f"has {found}; a page may have {self.max_words} (max_words_per_page): send its parts as pages of "
            "their own, or raise binary_threshold or box_threshold where much of it is no text",
        )
