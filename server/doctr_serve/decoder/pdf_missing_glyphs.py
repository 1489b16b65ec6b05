"""Characters that a PDF page shows as nothing or as boxes: their font is not in the file, and no other one has them.

PDFium draws text in a font that is not embedded with the fonts that it brings along (Latin letters and symbols) and
those of the system. For a character that none of them has it draws nothing, or the font's box for missing ones.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pypdfium2 as pdfium
from pypdfium2 import raw

from doctr_serve.decoder.notices import CHARACTERS_NOT_SHOWN, Notice
from doctr_serve.decoder.pdf_bitmap import is_blank, place_of
from doctr_serve.decoder.pdf_effort import MAX_SECONDS, Effort
from doctr_serve.decoder.pdf_scan import PagePictures
from doctr_serve.decoder.pdf_substitutes import Handle, Lacking, lacking_of, with_ink

__all__ = ["missing_glyphs"]

# PDFium tells a page's text all at once, and takes 110 bytes and 0.3 microseconds a character for that, beside the 12
# bytes with which it has been loaded: more than a million characters, which no page has, would be more memory than a
# page is given, and half of this check's time.
MAX_LOADED_BYTES = 16 * 1024 * 1024
# Of those, an object takes this many at least, whatever it is; measured with lines.
OBJECT_BYTES = 240
# A page of 2,500 words has 15,000; where each letter is an object of its own, PDFium puts a space beside it.
MAX_CHARACTERS = 60_000
MAX_FONTS = 16
MAX_MISSING = 1000
MAX_NAMES = 3
MAX_NAME_LENGTH = 40


def missing_glyphs(
    page: pdfium.PdfPage,
    pictures: PagePictures,
    bitmap: pdfium.PdfBitmap,
    loaded_bytes: int,
    max_seconds: float,
) -> tuple[Notice, ...]:
    """Returns the notice of a page with characters that its picture does not show.

    It says "at least" where a bound was reached. Nothing for a page whose text took too much memory to load.
    Forms' fields and annotations are not looked at.

    Args:
        page: loaded.
        pictures: with the text objects that show.
        bitmap: the page, drawn whole.
        loaded_bytes: memory that loading the page took.
        max_seconds: for looking at it, beside ``MAX_SECONDS``.
    """
    seconds = min(MAX_SECONDS, max_seconds)
    text_bytes = loaded_bytes - raw.FPDFPage_CountObjects(page) * OBJECT_BYTES
    if text_bytes > MAX_LOADED_BYTES * seconds / MAX_SECONDS:
        return ()
    effort = Effort(seconds)
    effort.reached = not pictures.texts_complete
    fonts = _fonts_not_in_file(pictures.texts, effort)
    if not fonts or effort.is_over():
        return ()
    with contextlib.suppress(pdfium.PdfiumError), contextlib.closing(page.get_textpage()) as text_page:
        characters = _characters(text_page, effort)
        letters = with_ink(characters)
        lacking = {address: lacking_of(font, letters, effort) for address, font in fonts.items()}
        missing = _missing(page, text_page, characters, lacking, pictures.texts, bitmap, effort)
        if missing:
            return (_notice(missing, fonts, effort.reached),)
    return ()


def _address(handle: Handle) -> int:
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def _fonts_not_in_file(texts: Iterable[Handle], effort: Effort) -> dict[int, Handle]:
    fonts: dict[int, Handle] = {}
    for text in texts:
        font = raw.FPDFTextObj_GetFont(text)
        if font:
            fonts.setdefault(_address(font), font)
    # -1 stands for a fault; type 3 fonts, which are drawn by operators of the file, count as embedded.
    others = [(address, font) for address, font in fonts.items() if raw.FPDFFont_GetIsEmbedded(font) == 0]
    effort.reached |= len(others) > MAX_FONTS
    return dict(others[:MAX_FONTS])


def _characters(text_page: pdfium.PdfTextPage, effort: Effort) -> str:
    """The page's text; one of UTF-16's units is a character, so that their numbers stay PDFium's."""
    count = text_page.count_chars()
    effort.reached |= count > MAX_CHARACTERS
    count = min(count, MAX_CHARACTERS)
    units = (ctypes.c_ushort * (count + 1))()
    written = raw.FPDFText_GetText(text_page, 0, count, units)
    return "".join(map(chr, units[: max(0, written - 1)]))


def _missing(
    page: pdfium.PdfPage,
    text_page: pdfium.PdfTextPage,
    characters: str,
    lacking: Mapping[int, Lacking],
    texts: Sequence[Handle],
    bitmap: pdfium.PdfBitmap,
    effort: Effort,
) -> Counter[int]:
    """How many characters of each font are missing; beyond a bound they are not counted."""
    suspects = frozenset().union(*(one.nothing | one.boxes for one in lacking.values()))
    if not suspects:
        return Counter()
    shown = {_address(text) for text in texts}
    missing: Counter[int] = Counter()
    for number, character in enumerate(characters):
        if character not in suspects:
            continue
        if effort.is_over():
            break
        index = raw.FPDFText_GetCharIndexFromTextIndex(text_page, number)
        text = raw.FPDFText_GetTextObject(text_page, index)
        if not text or _address(text) not in shown:
            continue
        font = _address(raw.FPDFTextObj_GetFont(text))
        own = lacking.get(font)
        if own is None:
            continue
        # PDFium finds a glyph by its character here, by its code when it draws: of ligatures and forms of Arabic
        # letters the former may fail. What is not drawn leaves its place blank.
        missing[font] += character in own.boxes or (
            character in own.nothing and _is_blank(page, _box(text_page, index), bitmap, effort)
        )
        if missing.total() >= MAX_MISSING:
            effort.reached = True
            break
    return +missing


def _is_blank(
    page: pdfium.PdfPage, box: tuple[float, float, float, float], bitmap: pdfium.PdfBitmap, effort: Effort
) -> bool:
    place = place_of(page, box, bitmap)
    return place is not None and effort.allows(place.pixels) and is_blank(bitmap, place)


def _box(text_page: pdfium.PdfTextPage, index: int) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a character's place, in the page's units; all 0 where it has none."""
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(text_page, index, box)
    return box.left, box.bottom, box.right, box.top


def _notice(missing: Counter[int], fonts: Mapping[int, Handle], bound_reached: bool) -> Notice:
    count = missing.total()
    names = list(dict.fromkeys(_name(fonts[font]) for font, _ in missing.most_common()))
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    at_least = "at least " if bound_reached else ""
    message = (
        f"{at_least}{count} character{'s' * (count != 1)} of the page could not be drawn: the PDF does not embed "
        f"{', '.join(names[:MAX_NAMES])}{more}, and this server has no font with them in its place; send the PDF with "
        "its fonts embedded"
    )
    return Notice(CHARACTERS_NOT_SHOWN, message)


def _name(font: Handle) -> str:
    name = ctypes.create_string_buffer(MAX_NAME_LENGTH * 4)
    raw.FPDFFont_GetBaseFontName(font, name, len(name))
    return name.value.decode("utf-8", "replace")[:MAX_NAME_LENGTH] or "a font without a name"
