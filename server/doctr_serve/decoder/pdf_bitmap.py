"""The drawn page: its rows, and whether a place on it is blank."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise

import pypdfium2 as pdfium
from pypdfium2 import raw

from doctr_serve.decoder.pixels import BAND_PIXELS

__all__ = ["is_blank", "packed_rows"]

# Of a place's width and height, on each side: there the ink of its neighbours may reach into it.
BORDER = 0.1


def packed_rows(bitmap: pdfium.PdfBitmap) -> Iterator[bytes]:
    """Yields the pixels in bands, and closes the bitmap; PDFium pads each row to a multiple of 4 bytes."""
    pixels = memoryview(bitmap.buffer).cast("B")
    row_bytes = bitmap.width * bitmap.n_channels
    rows = max(1, BAND_PIXELS // bitmap.width)
    for top in range(0, bitmap.height, rows):
        starts = [row * bitmap.stride for row in range(top, min(top + rows, bitmap.height))]
        yield b"".join(pixels[start : start + row_bytes] for start in starts)
    bitmap.close()


def is_blank(page: pdfium.PdfPage, box: tuple[float, float, float, float], bitmap: pdfium.PdfBitmap) -> bool:
    """Returns whether a place on the page has one colour; False for one outside of it or smaller than a pixel.

    Args:
        page: loaded.
        box: left, bottom, right and top, in the page's units.
        bitmap: the page, drawn whole.
    """
    left, bottom, right, top = box
    across, along = (right - left) * BORDER, (top - bottom) * BORDER
    first = _pixel(page, left + across, bottom + along, bitmap)
    last = _pixel(page, right - across, top - along, bitmap)
    (left_pixel, right_pixel), (top_pixel, bottom_pixel) = map(sorted, zip(first, last, strict=True))
    left_pixel, top_pixel = max(0, left_pixel), max(0, top_pixel)
    right_pixel, bottom_pixel = min(bitmap.width, right_pixel), min(bitmap.height, bottom_pixel)
    if left_pixel >= right_pixel or top_pixel >= bottom_pixel:
        return False
    pixels = memoryview(bitmap.buffer).cast("B")
    start, end = left_pixel * bitmap.n_channels, right_pixel * bitmap.n_channels
    offsets = (row * bitmap.stride for row in range(top_pixel, bottom_pixel))
    rows = [pixels[offset + start : offset + end] for offset in offsets]
    return rows[0][: -bitmap.n_channels] == rows[0][bitmap.n_channels :] and all(
        one == other for one, other in pairwise(rows)
    )


def _pixel(page: pdfium.PdfPage, x: float, y: float, bitmap: pdfium.PdfBitmap) -> tuple[int, int]:
    column, row = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, bitmap.width, bitmap.height, 0, x, y, column, row)
    return column.value, row.value
