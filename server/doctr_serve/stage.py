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

    @property
    def detects(self) -> bool:
        """Whether words are looked for."""
        return self is not Stage.RECOGNITION

    @property
    def recognises(self) -> bool:
        """Whether words are read."""
        return self is not Stage.DETECTION
