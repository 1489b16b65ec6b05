"""PDF inside a decoder process, rendered as ``doctr.io.read_pdf`` renders it."""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
from collections.abc import Iterator
from typing import BinaryIO

import pypdfium2 as pdfium
from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY

from doctr_serve.decoder.failure import DecodeFailure
from doctr_serve.decoder.pixels import BAND_PIXELS

__all__ = ["PdfDocument"]

# doctr/io/pdf.py, read_pdf: scale=2 (144 dpi), rev_byteorder for RGB, no form environment, else defaults.
RENDER_SCALE = 2
# Stands for an infinite page, so that it is refused as too large and not as damaged.
HUGE = 2**31


class PdfDocument:
    """A PDF file; one page is open at a time.

    Args:
        file: the file, open for reading and not empty.
        password: opens it when it is encrypted; "" for none.

    Raises:
        DecodeFailure: it is encrypted, damaged or has no pages.
    """

    def __init__(self, file: BinaryIO, password: str) -> None:
        self._file = file
        # Mapped, not read: PDFium touches only the parts it needs. Copy-on-write: ctypes wants it writeable.
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        content = (ctypes.c_char * len(mapping)).from_buffer(mapping)
        _forget_last_error()
        try:
            self._document = pdfium.PdfDocument(content, password=password or None)
        except pdfium.PdfiumError as error:
            raise _open_failure(error, bool(password)) from error
        self.page_count = len(self._document)

    def size(self, page_number: int) -> tuple[int, int]:
        """Returns height and width in pixels as rendered; (0, 0) where the page cannot be loaded."""
        try:
            width, height = self._document.get_page_size(page_number - 1)
        except pdfium.PdfiumError:
            return 0, 0
        return _pixels(height), _pixels(width)

    def decode(self, page_number: int) -> tuple[int, int, Iterator[bytes]]:
        """Returns height, width and the rows as packed RGB; raises PdfiumError for a damaged page."""
        page = self._document[page_number - 1]
        try:
            bitmap = page.render(scale=RENDER_SCALE, rev_byteorder=True)
        finally:
            page.close()
        return bitmap.height, bitmap.width, _packed_rows(bitmap)

    def close(self) -> None:
        """Closes the document and the file."""
        self._document.close()
        self._file.close()


def _forget_last_error() -> None:
    """Sets PDFium's last error to "no PDF".

    A PDF without pages fails to load without setting it: the error of the load before, perhaps of another caller's
    encrypted document, would be taken for this one's (seen with pypdfium2 5.15; PDFium has no call to reset it).
    """
    with contextlib.suppress(pdfium.PdfiumError):
        pdfium.PdfDocument(b"-").close()


def _open_failure(error: pdfium.PdfiumError, password_given: bool) -> DecodeFailure:
    if error.err_code == FPDF_ERR_PASSWORD:
        if password_given:
            return DecodeFailure("encrypted", "the PDF is encrypted and pdf_password does not open it")
        return DecodeFailure("encrypted", "the PDF is encrypted; send its password as pdf_password")
    if error.err_code == FPDF_ERR_SECURITY:
        return DecodeFailure(
            "encrypted", "the PDF is encrypted in a way that this server cannot open; send it decrypted"
        )
    return DecodeFailure("unreadable", "the PDF is damaged or has no pages")


def _pixels(points: float) -> int:
    """Pixels along a side of ``points``, rounded as ``pypdfium2.PdfPage.render`` rounds."""
    if math.isnan(points):
        return 0
    return HUGE if math.isinf(points) else math.ceil(points * RENDER_SCALE)


def _packed_rows(bitmap: pdfium.PdfBitmap) -> Iterator[bytes]:
    """Yields the pixels in bands; PDFium pads each row to a multiple of 4 bytes."""
    pixels = memoryview(bitmap.buffer).cast("B")
    row_bytes = bitmap.width * bitmap.n_channels
    rows = max(1, BAND_PIXELS // bitmap.width)
    for top in range(0, bitmap.height, rows):
        starts = [row * bitmap.stride for row in range(top, min(top + rows, bitmap.height))]
        yield b"".join(pixels[start : start + row_bytes] for start in starts)
    bitmap.close()
