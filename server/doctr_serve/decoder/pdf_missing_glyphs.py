"""Characters that a PDF page shows as nothing or as boxes: their font is not in the file, and no other one has them.

PDFium draws text in a font that is not embedded with the fonts that it brings along (Latin letters and symbols) and
those of the system. For a character that none of them has it draws nothing, or the font's box for missing ones.
"""

from __future__ import annotations

import contextlib
import ctypes
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pypdfium2 as pdfium
from pypdfium2 import raw

from doctr_serve.decoder.notices import CHARACTERS_NOT_SHOWN, Notice
from doctr_serve.decoder.pdf_bitmap import is_blank

__all__ = ["missing_glyphs"]

# Bounds of what is looked at. A page of 2,500 words, each letter an object of its own, has 15,000 objects and
# characters.
MAX_OBJECTS = 50_000
# PDFium tells a page's text all at once, and takes 110 bytes a character for that, beside the 12 with which it has been
# loaded: more than a million characters, which no page has, would be more memory than a page is given.
MAX_LOADED_BYTES = 16 * 1024 * 1024
MAX_CHARACTERS = 60_000
MAX_FONTS = 16
# Those with the highest numbers: what substitutes always have, Latin letters, has the lowest.
MAX_LETTERS_OF_FONT = 1024
MAX_MISSING = 1000
MAX_NAMES = 3
MAX_NAME_LENGTH = 40
# A box for missing characters, if this many letters have one outline. A, Alpha and the Cyrillic A are three.
MIN_BOXES = 5
# Of any value: outlines are only compared.
FONT_SIZE = 100.0
# Letters without ink (Unicode: HANGUL FILLER and its kind).
FILLERS = frozenset("\u115f\u1160\u3164\uffa0")

Handle = Any
"""A handle of PDFium's, which is a pointer."""


@dataclass(frozen=True)
class _Lacking:
    """The characters of a page that a font's substitute has not.

    Attributes:
        nothing: those for which it draws nothing.
        boxes: those for which it draws a box.
    """

    nothing: frozenset[str]
    boxes: frozenset[str]


def missing_glyphs(
    page: pdfium.PdfPage, texts: Sequence[Handle], bitmap: pdfium.PdfBitmap, loaded_bytes: int
) -> tuple[Notice, ...]:
    """Returns the notice of a page with characters that its picture does not show.

    Nothing for a page beyond this module's bounds. Forms' fields and annotations are not looked at.

    Args:
        page: loaded.
        texts: its text objects that show.
        bitmap: the page, drawn whole.
        loaded_bytes: memory that loading the page took.
    """
    if loaded_bytes > MAX_LOADED_BYTES or raw.FPDFPage_CountObjects(page) > MAX_OBJECTS:
        return ()
    fonts = _fonts_not_in_file(texts)
    if not fonts:
        return ()
    with contextlib.suppress(pdfium.PdfiumError), contextlib.closing(page.get_textpage()) as text_page:
        characters = _characters(text_page)
        lacking = {address: _lacking(font, set(characters)) for address, font in fonts.items()}
        missing = _missing(page, text_page, characters, lacking, texts, bitmap)
        if missing:
            return (_notice(missing, fonts),)
    return ()


def _address(handle: Handle) -> int:
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def _fonts_not_in_file(texts: Iterable[Handle]) -> dict[int, Handle]:
    fonts: dict[int, Handle] = {}
    for text in texts:
        font = raw.FPDFTextObj_GetFont(text)
        if font:
            fonts.setdefault(_address(font), font)
    # -1 stands for a fault; type 3 fonts, which are drawn by operators of the file, count as embedded.
    others = ((address, font) for address, font in fonts.items() if raw.FPDFFont_GetIsEmbedded(font) == 0)
    return dict(islice(others, MAX_FONTS))


def _characters(text_page: pdfium.PdfTextPage) -> str:
    """The page's text; one of UTF-16's units is a character, so that their numbers stay PDFium's."""
    count = min(text_page.count_chars(), MAX_CHARACTERS)
    units = (ctypes.c_ushort * (count + 1))()
    written = raw.FPDFText_GetText(text_page, 0, count, units)
    return "".join(map(chr, units[: max(0, written - 1)]))


def _lacking(font: Handle, characters: set[str]) -> _Lacking:
    nothing = set()
    outlined: dict[int, list[tuple[str, Handle]]] = defaultdict(list)
    for character in islice(sorted(filter(_has_ink, characters), reverse=True), MAX_LETTERS_OF_FONT):
        outline = raw.FPDFFont_GetGlyphPath(font, ord(character), FONT_SIZE)
        points = raw.FPDFGlyphPath_CountGlyphSegments(outline) if outline else 0
        if points <= 0:
            nothing.add(character)
        elif character.isalpha():
            outlined[points].append((character, outline))
    alike = [group for group in outlined.values() if len(group) >= MIN_BOXES]
    return _Lacking(frozenset(nothing), frozenset().union(*map(_boxes, alike)))


def _has_ink(character: str) -> bool:
    category = unicodedata.category(character)
    return category == "Co" or (category[0] not in "CZ" and character not in FILLERS)


def _boxes(outlined: Iterable[tuple[str, Handle]]) -> frozenset[str]:
    """The characters that share their outline with too many others."""
    by_outline: dict[tuple[tuple[float, float], ...], set[str]] = defaultdict(set)
    for character, outline in outlined:
        by_outline[_points(outline)].add(character)
    return frozenset().union(*(alike for alike in by_outline.values() if len(alike) >= MIN_BOXES))


def _points(outline: Handle) -> tuple[tuple[float, float], ...]:
    x, y = ctypes.c_float(), ctypes.c_float()
    points = []
    for index in range(raw.FPDFGlyphPath_CountGlyphSegments(outline)):
        raw.FPDFPathSegment_GetPoint(raw.FPDFGlyphPath_GetGlyphPathSegment(outline, index), x, y)
        points.append((x.value, y.value))
    return tuple(points)


def _missing(
    page: pdfium.PdfPage,
    text_page: pdfium.PdfTextPage,
    characters: str,
    lacking: Mapping[int, _Lacking],
    texts: Sequence[Handle],
    bitmap: pdfium.PdfBitmap,
) -> Counter[int]:
    """How many characters of each font are missing; beyond a limit they are not counted."""
    suspects = frozenset().union(*(one.nothing | one.boxes for one in lacking.values()))
    if not suspects:
        return Counter()
    shown = {_address(text) for text in texts}
    missing: Counter[int] = Counter()
    for place, character in enumerate(characters):
        if character not in suspects:
            continue
        index = raw.FPDFText_GetCharIndexFromTextIndex(text_page, place)
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
            character in own.nothing and is_blank(page, _box(text_page, index), bitmap)
        )
        if missing.total() >= MAX_MISSING:
            break
    return +missing


def _box(text_page: pdfium.PdfTextPage, index: int) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a character's place, in the page's units; all 0 where it has none."""
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(text_page, index, box)
    return box.left, box.bottom, box.right, box.top


def _notice(missing: Counter[int], fonts: Mapping[int, Handle]) -> Notice:
    count = missing.total()
    names = list(dict.fromkeys(_name(fonts[font]) for font, _ in missing.most_common()))
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    at_least = "at least " if count >= MAX_MISSING else ""
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
