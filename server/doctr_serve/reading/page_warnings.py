"""What a reader of a page is told beside its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doctr_serve.documents.pages import PageWarning
from doctr_serve.inference.stages.detected_page import DetectedPage

if TYPE_CHECKING:
    from doctr_serve.inference.stages.single_stages import ReadPicture

__all__ = ["PAGE_SCALED_DOWN", "PAGE_TILED", "TEXT_TOO_SMALL", "warnings_of"]

TEXT_TOO_SMALL = "TEXT_TOO_SMALL"
PAGE_SCALED_DOWN = "PAGE_SCALED_DOWN"
PAGE_TILED = "PAGE_TILED"


def warnings_of(page: DetectedPage | ReadPicture) -> tuple[PageWarning, ...]:
    """Returns what the detection of a page's words left out or changed; nothing where there was none."""
    if not isinstance(page, DetectedPage):
        return ()
    height, width = page.image.shape[:2]
    warnings = []
    if page.tile_count > 1:
        warnings.append(
            PageWarning(
                PAGE_TILED,
                f"the page of {width} x {height} pixels would have had to be scaled down too far to find its words: "
                f"they were looked for in {page.tile_count} overlapping parts of it",
            )
        )
    if page.smallest_legible_pixels is not None:
        warnings.append(
            PageWarning(
                TEXT_TOO_SMALL,
                f"the page of {width} x {height} pixels had to be scaled down so far to find its words that text "
                f"with a font size of less than {page.smallest_legible_pixels} pixels may be missing or misread; "
                "send it in parts",
            )
        )
    if page.scale < 1:
        warnings.append(
            PageWarning(
                PAGE_SCALED_DOWN,
                f"the page was scaled to {page.scale:.0%} of its size, {width} x {height} pixels, to be "
                "straightened within max_page_pixels",
            )
        )
    return tuple(warnings)
