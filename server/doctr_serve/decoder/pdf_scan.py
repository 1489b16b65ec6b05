"""Whether a PDF page is a scan, and how many pixels its picture has: rendering it smaller throws them away."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

from doctr_serve.decoder.pdf_objects import Matrix, PageObjects, matrix_of, product

__all__ = ["PagePictures", "pictures_of"]

# A page of more objects than this is drawn, not scanned; scanners write a picture, or some hundred strips of one.
MAX_SCAN_OBJECTS = 4000
# Share of the page that pictures cover on a scan; less is an illustration.
SCAN_SHARE = 0.5
# A stamp, a page number or a court's running header over a scan; a page with more text over its picture is typeset.
MAX_TEXTS_OVER_SCAN = 8
# Pictures smaller than this cover nothing that matters: a dot for tracking, a rule.
MIN_SHARE = 0.0005

# Writers round a page's sides to whole points, half a point of 100 on the smallest pages.
ROUNDED_SIDES = 1.01


@dataclass(frozen=True)
class PagePictures:
    """What is known of a page's pictures without decoding them.

    Attributes:
        scan_scale: the scan's own resolution in pixels per point; None for a page that is no scan.
        largest_pixels: pixels of the largest picture on the page, for the memory that decoding it takes.
        texts: PDFium's handles of the text objects that show, good until the page is closed: those that are not
            invisible, and do not lie below a picture of half the page.
        texts_complete: False for a page of so many objects that texts among the last are not in ``texts``.
    """

    scan_scale: float | None
    largest_pixels: int
    texts: tuple[ctypes.c_void_p, ...]
    texts_complete: bool


@dataclass(frozen=True)
class _Picture:
    share: float
    scale: float
    pixels: int


def pictures_of(page: pdfium.PdfPage) -> PagePictures:
    """Returns what the page's pictures say about its resolution.

    The page is a scan where pictures cover half of it or more, and no more text than a stamp stands on them;
    text that is invisible (rendering mode 3, as OCR adds it) or below the picture does not count. Its
    resolution is the highest that pictures of half the page have: a scan in layers (MRC) has its text in the
    finest, and strips of one scan count together. Objects beyond the first ``MAX_SCAN_OBJECTS`` say nothing of
    that; their texts are told all the same.

    Args:
        page: loaded.
    """
    left, bottom, right, top = page.get_bbox()
    box = (left, bottom, right, top)
    area = (right - left) * (top - bottom)
    pictures: list[_Picture] = []
    texts: list[ctypes.c_void_p] = []
    texts_over_scan = 0
    objects = PageObjects(page)
    for handle, matrix in objects:
        may_be_scan = objects.passed <= MAX_SCAN_OBJECTS
        if raw.FPDFPageObj_GetType(handle) == raw.FPDF_PAGEOBJ_TEXT:
            if raw.FPDFTextObj_GetTextRenderMode(handle) != raw.FPDF_TEXTRENDERMODE_INVISIBLE:
                texts.append(handle)
                texts_over_scan += may_be_scan
            continue
        picture = _picture(handle, matrix, box, area) if may_be_scan or texts else None
        if picture is None:
            continue
        if picture.share >= SCAN_SHARE:
            texts.clear()
            texts_over_scan *= not may_be_scan
        if may_be_scan:
            pictures.append(picture)
    largest = max((picture.pixels for picture in pictures), default=0)
    scan_scale = None if texts_over_scan > MAX_TEXTS_OVER_SCAN else _common_scale(pictures)
    return PagePictures(scan_scale, largest, tuple(texts), objects.complete)


def _common_scale(pictures: list[_Picture]) -> float | None:
    covered = 0.0
    for picture in sorted(pictures, key=lambda picture: picture.scale, reverse=True):
        covered += picture.share
        if covered >= SCAN_SHARE:
            return picture.scale
    return None


def _picture(
    handle: ctypes.c_void_p, matrix: Matrix, box: tuple[float, float, float, float], area: float
) -> _Picture | None:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    if not raw.FPDFImageObj_GetImagePixelSize(handle, width, height):
        return None
    a, b, c, d, e, f = product(matrix_of(handle), matrix)
    horizontally, vertically = math.hypot(a, b), math.hypot(c, d)
    if not (width.value and height.value and horizontally and vertically and area > 0):
        return None
    # A picture is the unit square, placed by its matrix (ISO 32000-1, 8.9.5).
    across = min(box[2], e + max(0, a) + max(0, c)) - max(box[0], e + min(0, a) + min(0, c))
    along = min(box[3], f + max(0, b) + max(0, d)) - max(box[1], f + min(0, b) + min(0, d))
    share = max(0.0, across) * max(0.0, along) / area
    scale = _scale(width.value / horizontally, height.value / vertically)
    if not (math.isfinite(share) and math.isfinite(scale)) or share < MIN_SHARE:
        return None
    return _Picture(share, scale, width.value * height.value)


def _scale(across: float, along: float) -> float:
    """The finer of two resolutions; of two that differ by a page's rounded sides only, the exact one is the lower."""
    lower, higher = sorted((across, along))
    return higher if higher > lower * ROUNDED_SIDES else lower
