"""What a reader of a page is told beside its text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from doctr_serve.documents.pages import PageWarning
from doctr_serve.inference.missing_letters import NAMES, missing_letters
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.fields import PageOfFields
from doctr_serve.inference.stages.page_builder import MAX_ORDERED

if TYPE_CHECKING:
    from doctr.io.elements import Word

    from doctr_serve.inference.stages.single_stages import PageOfRegions, ReadPicture

__all__ = [
    "NOT_IN_READING_ORDER",
    "PAGE_SCALED_DOWN",
    "PAGE_TILED",
    "TABLES_LEFT_OUT",
    "TABLES_WITHOUT_CELLS",
    "TEXT_TOO_SMALL",
    "VOCABULARY_LACKS_LETTERS",
    "language_warnings",
    "warnings_of",
]

TEXT_TOO_SMALL = "TEXT_TOO_SMALL"
PAGE_SCALED_DOWN = "PAGE_SCALED_DOWN"
PAGE_TILED = "PAGE_TILED"
TABLES_LEFT_OUT = "TABLES_LEFT_OUT"
TABLES_WITHOUT_CELLS = "TABLES_WITHOUT_CELLS"
NOT_IN_READING_ORDER = "NOT_IN_READING_ORDER"
VOCABULARY_LACKS_LETTERS = "VOCABULARY_LACKS_LETTERS"

MIN_LANGUAGE_CONFIDENCE = 0.99
"""All of langdetect's 7 trials agree. It was at most 0.86 for pages in Cyrillic, Greek, Arabic, Hebrew, Hindi or Thai
that a recogniser of Latin letters had read as garbage."""
MIN_LETTERS = 150
"""Letters on a page from which the language is believed: of parts of real English receipts and forms, 6 of 248 with
50 letters were surely another language, 2 of 233 with 100, and none of 192 with 150."""
MAX_LETTERS_NAMED = 12


def warnings_of(page: DetectedPage | ReadPicture | PageOfRegions) -> tuple[PageWarning, ...]:
    """Returns what the reading of a page left out or changed; nothing where there was no looking for words."""
    if not isinstance(page, DetectedPage):
        return ()
    height, width = page.image.shape[:2]
    warnings = []
    if page.tile_count > 1:
        untiled = page.smallest_legible_untiled
        otherwise = (
            f"; else text with a font size of less than {untiled} pixels would be lost" if untiled else ""
        )
        warnings.append(
            PageWarning(
                PAGE_TILED,
                f"the page of {width} x {height} pixels would have had to be scaled down too far to find its words: "
                f"they were looked for in {page.tile_count} overlapping parts of it{otherwise}",
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
    warnings += [PageWarning(code, message) for code, message in _of_tables(page)]
    if page.is_out_of_order:
        warnings.append(
            PageWarning(
                NOT_IN_READING_ORDER,
                f"the page has more than {MAX_ORDERED} parts to be put into reading order, and comes without it; send "
                "it in parts",
            )
        )
    if page.scale < 1:
        warnings.append(
            PageWarning(
                PAGE_SCALED_DOWN,
                f"the page was scaled to {page.scale:.0%} of its size, {width} x {height} pixels, to be "
                "straightened within the limits of the server",
            )
        )
    return tuple(warnings)


def _of_tables(page: DetectedPage) -> Iterator[tuple[str, str]]:
    left_out, cut_off, without_cells = page.tables_left_out, page.tables_cut_off, page.tables_without_cells
    if left_out:
        yield (
            TABLES_LEFT_OUT,
            f"the cells of {left_out} of the page's tables were not looked for, as it has more than "
            "max_tables_per_page; send the page in parts, or ask the operator to raise that",
        )
    if cut_off:
        yield (
            TABLES_LEFT_OUT,
            f"the cells of {cut_off} of the page's tables were not looked for: these are turned, and so long and thin "
            "that they would have to be enlarged; send the page turned upright, or ask for straighten_pages",
        )
    if without_cells:
        yield (
            TABLES_WITHOUT_CELLS,
            f"{without_cells} of the page's tables had no cell that the model is sure of: their words are in no table; "
            "send the tables larger",
        )


def language_warnings(page: Any, vocabulary: str) -> tuple[PageWarning, ...]:
    """Returns what the recognition of a page's words could not read of its language.

    Nothing where the language was not asked for, or is not sure.

    Args:
        page: what the stage gives: docTR's page or its page of predictions; others have no language.
        vocabulary: the characters that the recognition model can read.
    """
    if isinstance(page, PageOfFields):
        page = page.page
    language = getattr(page, "language", None) or {"value": None}
    if language["value"] is None or language["confidence"] < MIN_LANGUAGE_CONFIDENCE:
        return ()
    missing = missing_letters(language["value"], vocabulary)
    if not missing or sum(map(str.isalpha, chain.from_iterable(_texts(page)))) < MIN_LETTERS:
        return ()
    more = f" and {len(missing) - MAX_LETTERS_NAMED} more" if len(missing) > MAX_LETTERS_NAMED else ""
    name = NAMES[language["value"]].replace("_", " ").title()
    message = (
        f"the page seems to be in {name}, and the recognition model does not know the letters "
        f"{' '.join(missing[:MAX_LETTERS_NAMED])}{more}: they are read as others; choose a model that knows them"
    )
    return (PageWarning(VOCABULARY_LACKS_LETTERS, message),)


def _texts(page: Any) -> Iterator[str]:
    """The words of a page, or of a page of predictions."""
    words: Iterator[Word]
    if hasattr(page, "predictions"):
        words = chain.from_iterable(page.predictions.values())
    else:
        words = (word for block in page.blocks for line in block.lines for word in line.words)
    return (word.value for word in words)
