"""Request options: the contract's names, defaults and ranges, and docTR's names for the same things."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from doctr_serve.errors import InvalidOptionError

if TYPE_CHECKING:
    from doctr_serve.settings import Settings

__all__ = ["DOCTR_ARGUMENTS", "ReadingOptions"]

DOCTR_ARGUMENTS = {
    "detection_model": "det_arch",
    "recognition_model": "reco_arch",
    "assume_straight_pages": "assume_straight_pages",
    "preserve_aspect_ratio": "preserve_aspect_ratio",
    "detect_orientation": "detect_orientation",
    "detect_language": "detect_language",
    "symmetric_padding": "symmetric_pad",
    "straighten_pages": "straighten_pages",
    "detection_batch_size": "det_bs",
    "recognition_batch_size": "reco_bs",
    "disable_page_orientation": "disable_page_orientation",
    "disable_text_orientation": "disable_crop_orientation",
    "binary_threshold": "bin_thresh",
    "box_threshold": "box_thresh",
    "group_lines": "resolve_lines",
    "group_blocks": "resolve_blocks",
    "paragraph_break": "paragraph_break",
    "preserve_original_coords": "preserve_original_coords",
    "export_as_straight_boxes": "export_as_straight_boxes",
}
"""The contract's option names and docTR's own. ``bin_thresh`` and ``box_thresh`` are no arguments of
``ocr_predictor``: docTR keeps them on the detection model's post-processor (doctr/models/detection/core.py).
``allowed_characters`` is what its ``add_whitelist`` does to a recognition model (doctr/models/utils/pytorch.py)."""

TILING = ("auto", "off")
"""Whether pages whose text would be scaled down too far are looked at in parts; docTR has no such option."""
READING_ORDER = ("off", "auto")
"""Whether blocks and lines come as docTR finds them, or as a person would read them."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """The options of one request; the defaults are those of the REST contract."""

    detection_model: str = "db_resnet50"
    recognition_model: str = "crnn_vgg16_bn"
    assume_straight_pages: bool = True
    preserve_aspect_ratio: bool = True
    detect_orientation: bool = False
    detect_language: bool = False
    symmetric_padding: bool = True
    straighten_pages: bool = False
    detection_batch_size: int = 2
    recognition_batch_size: int = 128
    disable_page_orientation: bool = False
    disable_text_orientation: bool = False
    binary_threshold: float = 0.1
    box_threshold: float = 0.1
    group_lines: bool = True
    group_blocks: bool = False
    paragraph_break: float = 0.0035
    pages: str = ""
    tiling: str = "auto"
    detect_layout: bool = False
    layout_model: str = "lw_detr_s"
    detect_tables: bool = False
    table_model: str = "tablecenternet"
    ignore_regions: tuple[str, ...] = ()
    reading_order: str = "off"
    preserve_original_coords: bool = False
    export_as_straight_boxes: bool = False
    allowed_characters: str = ""

    @classmethod
    def defaults(cls, settings: Settings, **given: Any) -> ReadingOptions:
        """Returns the options that are given, the others at the defaults of ``settings`` and of the contract."""
        pair = {
            "detection_model": settings.default_detection_model,
            "recognition_model": settings.default_recognition_model,
        }
        return cls(**(pair | given))

    @property
    def needs_page_orientation(self) -> bool:
        """Whether anything asked for depends on which way up the page is."""
        return self.detect_orientation or self.straighten_pages

    def validate(self, settings: Settings) -> None:
        """Checks every number against its range.

        Raises:
            InvalidOptionError: naming the first option that is out of range, and the range.
        """
        self._require("detection_batch_size", 1, settings.max_detection_batch_size)
        self._require("recognition_batch_size", 1, settings.max_recognition_batch_size)
        for name in ("binary_threshold", "box_threshold", "paragraph_break"):
            self._require(name, 0.0, 1.0)
        self._require_one_of("tiling", TILING)
        self._require_one_of("reading_order", READING_ORDER)
        if self.ignore_regions and not (self.detect_layout or self.detect_tables):
            raise InvalidOptionError(
                "ignore_regions needs the regions of the page: set detect_layout or detect_tables, too",
                field="ignore_regions",
            )

    def _require_one_of(self, name: str, values: Sequence[str]) -> None:
        value: str = getattr(self, name)
        if value not in values:
            raise InvalidOptionError(f"{name} must be {' or '.join(values)}, got {value[:20]!r}", field=name)

    def _require(self, name: str, low: float, high: float) -> None:
        value: Any = getattr(self, name)
        if not (math.isfinite(value) and low <= value <= high):
            raise InvalidOptionError(f"{name} must be between {low} and {high}, got {value}", field=name)
