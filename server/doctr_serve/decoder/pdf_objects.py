"""The texts and pictures of a PDF page, those in its forms among them, without decoding anything."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pypdfium2 as pdfium
from pypdfium2 import raw

__all__ = ["Matrix", "PageObjects", "matrix_of", "product"]

# A page of 2,500 words, each letter an object of its own, has 15,000. Each takes 2 microseconds.
MAX_OBJECTS = 50_000
# Scanners and libraries put a picture into one form XObject, seldom into two.
MAX_FORM_DEPTH = 3

# Column-major 2D affine matrix as PDF writes it: a b c d e f.
Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class PageObjects:
    """Goes through a page's texts and pictures in the order of painting.

    Args:
        page: loaded.

    Attributes:
        passed: objects of any kind so far, and of any form.
        complete: whether all of them were gone through, and not the first ``MAX_OBJECTS`` only.
    """

    def __init__(self, page: pdfium.PdfPage) -> None:
        self.passed = 0
        self.complete = True
        self._page = page

    def __iter__(self) -> Iterator[tuple[ctypes.c_void_p, Matrix]]:
        """Yields the handle of each, good until the page is closed, and the matrix of the form that it stands in."""
        return self._within(self._page, IDENTITY, 0)

    def _within(
        self, container: pdfium.PdfPage | ctypes.c_void_p, matrix: Matrix, depth: int
    ) -> Iterator[tuple[ctypes.c_void_p, Matrix]]:
        count = raw.FPDFPage_CountObjects if depth == 0 else raw.FPDFFormObj_CountObjects
        get = raw.FPDFPage_GetObject if depth == 0 else raw.FPDFFormObj_GetObject
        for index in range(count(container)):
            if self.passed == MAX_OBJECTS:
                self.complete = False
                return
            self.passed += 1
            handle = get(container, index)
            kind = raw.FPDFPageObj_GetType(handle)
            if kind in (raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_IMAGE):
                yield handle, matrix
            elif kind == raw.FPDF_PAGEOBJ_FORM and depth < MAX_FORM_DEPTH:
                yield from self._within(handle, product(matrix_of(handle), matrix), depth + 1)


def matrix_of(handle: ctypes.c_void_p) -> Matrix:
    """Returns the matrix by which an object is placed."""
    matrix = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(handle, matrix):
        return IDENTITY
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def product(first: Matrix, second: Matrix) -> Matrix:
    """Returns the matrix that applies ``first`` and then ``second`` (ISO 32000-1, 8.3.4)."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m
