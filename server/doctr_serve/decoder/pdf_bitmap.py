"""The drawn page: its rows, and whether a place on it is blank."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2 as pdfium
from pypdfium2 import raw

from doctr_serve.decoder.pixels import BAND_PIXELS

__all__ = ["Place", "is_blank", "packed_rows", "place_of"]

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


@dataclass(frozen=True)
class Place:
    """A rectangle of a bitmap's pixels, at least one; right and bottom are the first ones outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def pixels(self) -> int:
        """How many there are."""
        return (self.right - self.left) * (self.bottom - self.top)


def place_of(
    page: pdfium.PdfPage, box: tuple[float, float, float, float], bitmap: pdfium.PdfBitmap
) -> Place | None:
    """Returns where a box lies, without its border; None for one outside of the page or smaller than a pixel.

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
        return None
    return Place(left_pixel, top_pixel, right_pixel, bottom_pixel)


def is_blank(bitmap: pdfium.PdfBitmap, place: Place) -> bool:
    """Returns whether a place has one colour."""
    pixels = memoryview(bitmap.buffer).cast("B")
    start, end = place.left * bitmap.n_channels, place.right * bitmap.n_channels
    offsets = (row * bitmap.stride for row in range(place.top, place.bottom))
    rows = [pixels[offset + start : offset + end] for offset in offsets]
    return rows[0][: -bitmap.n_channels] == rows[0][bitmap.n_channels :] and all(
        one == other for one, other in pairwise(rows)
    )


def _pixel(page: pdfium.PdfPage, x: float, y: float, bitmap: pdfium.PdfBitmap) -> tuple[int, int]:
    column, row = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, bitmap.width, bitmap.height, 0, x, y, column, row)
    return column.value, row.value
