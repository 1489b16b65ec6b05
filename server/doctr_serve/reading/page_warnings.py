"""What a reader of a page is told beside its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doctr_serve.documents.pages import PageWarning
from doctr_serve.inference.stages.detected_page import DetectedPage

if TYPE_CHECKING:
    from doctr_serve.inference.stages.single_stages import PageOfRegions, ReadPicture

__all__ = ["PAGE_SCALED_DOWN", "PAGE_TILED", "TABLES_LEFT_OUT", "TEXT_TOO_SMALL", "warnings_of"]

TEXT_TOO_SMALL = "TEXT_TOO_SMALL"
PAGE_SCALED_DOWN = "PAGE_SCALED_DOWN"
PAGE_TILED = "PAGE_TILED"
TABLES_LEFT_OUT = "TABLES_LEFT_OUT"


def warnings_of(page: DetectedPage | ReadPicture | PageOfRegions) -> tuple[PageWarning, ...]:
    """Returns what the reading of a page left out or changed; nothing where there was no looking for words."""
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
    if page.tables_left_out:
        warnings.append(
            PageWarning(
                TABLES_LEFT_OUT,
                f"the cells of {page.tables_left_out} of the page's tables were not looked for: a page may have "
                "max_tables_per_page of them, and none that would have to be enlarged to be cut out",
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
