"""Whether a PDF page is a scan, and how many pixels its picture has: rendering it smaller throws them away."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

__all__ = ["PagePictures", "pictures_of"]

# A page of more objects than this is drawn, not scanned; scanners write a picture, or some hundred strips of one.
MAX_OBJECTS = 4000
# Scanners and libraries put a picture into one form XObject, seldom into two.
MAX_FORM_DEPTH = 3
# Share of the page that pictures cover on a scan; less is an illustration.
SCAN_SHARE = 0.5
# A stamp, a page number or a court's running header over a scan; a page with more text over its picture is typeset.
MAX_TEXTS_OVER_SCAN = 8
# Pictures smaller than this cover nothing that matters: a dot for tracking, a rule.
MIN_SHARE = 0.0005

# Writers round a page's sides to whole points, half a point of 100 on the smallest pages.
ROUNDED_SIDES = 1.01

# Column-major 2D affine matrix as PDF writes it: a b c d e f.
Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class PagePictures:
    """What is known of a page's pictures without decoding them.

    Attributes:
        scan_scale: the scan's own resolution in pixels per point; None for a page that is no scan.
        largest_pixels: pixels of the largest picture on the page, for the memory that decoding it takes.
        texts: PDFium's handles of the text objects that show, good until the page is closed: those that are not
            invisible, and do not lie below a picture of half the page.
    """

    scan_scale: float | None
    largest_pixels: int
    texts: tuple[ctypes.c_void_p, ...]


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
    finest, and strips of one scan count together.

    Args:
        page: loaded.
    """
    left, bottom, right, top = page.get_bbox()
    box = (left, bottom, right, top)
    area = (right - left) * (top - bottom)
    pictures: list[_Picture] = []
    texts: list[ctypes.c_void_p] = []
    for handle, matrix in _objects(page, IDENTITY, 0, [MAX_OBJECTS]):
        if raw.FPDFPageObj_GetType(handle) == raw.FPDF_PAGEOBJ_TEXT:
            if raw.FPDFTextObj_GetTextRenderMode(handle) != raw.FPDF_TEXTRENDERMODE_INVISIBLE:
                texts.append(handle)
            continue
        picture = _picture(handle, matrix, box, area)
        if picture is not None:
            pictures.append(picture)
            if picture.share >= SCAN_SHARE:
                texts.clear()
    largest = max((picture.pixels for picture in pictures), default=0)
    scan_scale = None if len(texts) > MAX_TEXTS_OVER_SCAN else _common_scale(pictures)
    return PagePictures(scan_scale, largest, tuple(texts))


def _common_scale(pictures: list[_Picture]) -> float | None:
    covered = 0.0
    for picture in sorted(pictures, key=lambda picture: picture.scale, reverse=True):
        covered += picture.share
        if covered >= SCAN_SHARE:
            return picture.scale
    return None


def _objects(
    container: pdfium.PdfPage | ctypes.c_void_p, matrix: Matrix, depth: int, left: list[int]
) -> Iterator[tuple[ctypes.c_void_p, Matrix]]:
    """The texts and pictures in the order of painting, with the matrix of the form that each stands in."""
    count = raw.FPDFPage_CountObjects if depth == 0 else raw.FPDFFormObj_CountObjects
    get = raw.FPDFPage_GetObject if depth == 0 else raw.FPDFFormObj_GetObject
    for index in range(count(container)):
        left[0] -= 1
        if left[0] < 0:
            return
        handle = get(container, index)
        kind = raw.FPDFPageObj_GetType(handle)
        if kind in (raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_IMAGE):
            yield handle, matrix
        elif kind == raw.FPDF_PAGEOBJ_FORM and depth < MAX_FORM_DEPTH:
            yield from _objects(handle, _product(_matrix(handle), matrix), depth + 1, left)


def _picture(
    handle: ctypes.c_void_p, matrix: Matrix, box: tuple[float, float, float, float], area: float
) -> _Picture | None:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    if not raw.FPDFImageObj_GetImagePixelSize(handle, width, height):
        return None
    a, b, c, d, e, f = _product(_matrix(handle), matrix)
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


def _matrix(handle: ctypes.c_void_p) -> Matrix:
    matrix = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(handle, matrix):
        return IDENTITY
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _product(first: Matrix, second: Matrix) -> Matrix:
    """The matrix that applies ``first`` and then ``second`` (ISO 32000-1, 8.3.4)."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m
