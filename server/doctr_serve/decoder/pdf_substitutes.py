"""The fonts that PDFium puts in the place of those that are not in a PDF, and the characters that they lack."""

from __future__ import annotations

import ctypes
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pypdfium2 import raw

from doctr_serve.decoder.pdf_effort import Effort

__all__ = ["Handle", "Lacking", "lacking_of", "with_ink"]

# Those with the highest numbers: what substitutes always have, Latin letters, has the lowest.
MAX_LETTERS_OF_FONT = 1024
# A box for missing characters, if this many letters have one outline. A, Alpha and the Cyrillic A are three.
MIN_BOXES = 5
# Of any value: outlines are only compared.
FONT_SIZE = 100.0
# Letters without ink (Unicode: HANGUL FILLER and its kind).
FILLERS = frozenset("\u115f\u1160\u3164\uffa0")

Handle = Any
"""A handle of PDFium's, which is a pointer."""


@dataclass(frozen=True)
class Lacking:
    """The characters of a page that a font's substitute has not.

    Attributes:
        nothing: those for which it draws nothing.
        boxes: those for which it draws a box.
    """

    nothing: frozenset[str]
    boxes: frozenset[str]


def with_ink(characters: Iterable[str]) -> list[str]:
    """Returns those that a font draws something for, each once, the highest numbers first."""
    return sorted(filter(_has_ink, set(characters)), reverse=True)


def lacking_of(font: Handle, characters: Sequence[str], effort: Effort) -> Lacking:
    """Returns which of ``characters`` a font's substitute has not, beyond a bound some of them.

    Args:
        font: not in the file.
        characters: of the page, in any font, as ``with_ink`` gives them.
        effort: what this may cost; told of a bound that was reached.
    """
    effort.reached |= len(characters) > MAX_LETTERS_OF_FONT
    nothing = set()
    outlined: dict[int, list[tuple[str, Handle]]] = defaultdict(list)
    for character in characters[:MAX_LETTERS_OF_FONT]:
        if effort.is_over():
            break
        outline = raw.FPDFFont_GetGlyphPath(font, ord(character), FONT_SIZE)
        points = raw.FPDFGlyphPath_CountGlyphSegments(outline) if outline else 0
        if points <= 0:
            nothing.add(character)
        elif character.isalpha():
            outlined[points].append((character, outline))
    alike = [group for group in outlined.values() if len(group) >= MIN_BOXES]
    return Lacking(frozenset(nothing), frozenset().union(*(_boxes(group, effort) for group in alike)))


def _has_ink(character: str) -> bool:
    category = unicodedata.category(character)
    return category == "Co" or (category[0] not in "CZ" and character not in FILLERS)


def _boxes(outlined: Iterable[tuple[str, Handle]], effort: Effort) -> frozenset[str]:
    """The characters that share their outline with too many others."""
    by_outline: dict[tuple[tuple[float, float], ...], set[str]] = defaultdict(set)
    for character, outline in outlined:
        if effort.is_over():
            break
        by_outline[_points(outline)].add(character)
    return frozenset().union(*(alike for alike in by_outline.values() if len(alike) >= MIN_BOXES))


def _points(outline: Handle) -> tuple[tuple[float, float], ...]:
    x, y = ctypes.c_float(), ctypes.c_float()
    points = []
    for index in range(raw.FPDFGlyphPath_CountGlyphSegments(outline)):
        raw.FPDFPathSegment_GetPoint(raw.FPDFGlyphPath_GetGlyphPathSegment(outline, index), x, y)
        points.append((x.value, y.value))
    return tuple(points)
