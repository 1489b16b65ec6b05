"""What is asked of pages."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Stage"]


class Stage(StrEnum):
    """What a request wants to know of its pages: all of docTR's OCR, or one stage of it."""

    READING = "reading"
    """Blocks, lines and words: docTR's ``ocr_predictor``."""
    DETECTION = "detection"
    """Where words are: ``detection_predictor``."""
    RECOGNITION = "recognition"
    """What a picture of one word or line says: ``recognition_predictor``."""
    FIELDS = "fields"
    """The words by the classes of the detection model: ``kie_predictor``."""
    LAYOUT = "layout"
    """The regions of a page, such as titles and tables: ``layout_predictor``."""
    TABLES = "tables"
    """The cells of its tables and their words: ``ocr_predictor`` with ``detect_tables``, and of its page the tables."""

    @property
    def detects(self) -> bool:
        """Whether words are looked for."""
        return self not in (Stage.RECOGNITION, Stage.LAYOUT)

    @property
    def recognises(self) -> bool:
        """Whether words are read."""
        return self not in (Stage.DETECTION, Stage.LAYOUT)

    @property
    def finds_regions(self) -> bool:
        """Whether regions are looked for, whatever the options say."""
        return self in (Stage.LAYOUT, Stage.TABLES)
