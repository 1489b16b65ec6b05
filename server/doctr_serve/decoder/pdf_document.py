"""PDF inside a decoder process, rendered as ``doctr.io.read_pdf`` renders it, and better where that loses content."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import mmap
from typing import BinaryIO

import pypdfium2 as pdfium
from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY

from doctr_serve.decoder.budget import Budget, mapped_bytes
from doctr_serve.decoder.failure import DecodeFailure
from doctr_serve.decoder.notices import Raster
from doctr_serve.decoder.pdf_bitmap import packed_rows
from doctr_serve.decoder.pdf_missing_glyphs import missing_glyphs
from doctr_serve.decoder.pdf_names import mentions
from doctr_serve.decoder.pdf_notices import document_notices, page_notices
from doctr_serve.decoder.pdf_scale import Scale, chosen_scale, pixels_of
from doctr_serve.decoder.pdf_scan import PagePictures, pictures_of
from doctr_serve.decoder.pdf_user_unit import USER_UNIT, user_unit

__all__ = ["PdfDocument"]

# Measured with pages at the pixel limit, and rounded up: a rendered page takes 3 bytes a pixel, and its groups with
# transparency 8 more. (FPDFPage_HasTransparency does not tell which pages have such.)
BYTES_PER_PAGE_PIXEL = 12
# A decoded picture takes 3 to 10 bytes a pixel (10 for a progressive JPEG), JPEG 2000 takes 15: this is enough for
# 35 million pixels (A4 at 600 dpi) of the former.
BYTES_PER_PICTURE_PIXEL = 16
MAX_PICTURE_BYTES = 384 * 1024 * 1024
# PDFium decodes a picture whole, at whatever size it is drawn. A0 at 300 dpi has 140 million pixels.
MAX_PICTURE_TO_PAGE = 4
# Of the time that is left when the page is drawn, for looking at what it does not show.
CHECK_SHARE = 1 / 2
# Any page of any size lies in it.
EVERYWHERE = (-1e6, -1e6, 1e6, 1e6)

# It tells standard error, which nobody reads, that XFA is not built in.
logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)


class PdfDocument:
    """A PDF file; one page is open at a time.

    Args:
        file: the file, open for reading and not empty.
        password: opens it when it is encrypted; "" for none.
        budget: holds this process to its limits.

    Attributes:
        page_count: pages of the document.
        notices: what a caller should know of the document.

    Raises:
        DecodeFailure: it is encrypted, damaged or has no pages.
    """

    def __init__(self, file: BinaryIO, password: str, budget: Budget) -> None:
        self._file = file
        self._budget = budget
        # Mapped, not read: PDFium touches only the parts it needs. Copy-on-write: ctypes wants it writeable.
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        content = (ctypes.c_char * len(mapping)).from_buffer(mapping)
        _forget_last_error()
        try:
            self._document = pdfium.PdfDocument(content, password=password or None)
        except pdfium.PdfiumError as error:
            raise _open_failure(error, bool(password)) from error
        # Without a form environment PDFium draws no form field; only documents with a form get one.
        self._document.init_forms()
        self._may_have_user_units = mentions(mapping, USER_UNIT)
        self.page_count = len(self._document)
        self.notices = document_notices(self._document, mapping)
        self._user_unit = functools.lru_cache(maxsize=16)(self._read_user_unit)

    def size(self, page_number: int) -> tuple[int, int]:
        """Returns height and width in pixels as rendered; (0, 0) where only loading the page can tell.

        A scan may be rendered larger, at its picture's resolution: seeing that takes loading the page, too.
        """
        try:
            width, height = self._document.get_page_size(page_number - 1)
            scale = chosen_scale(width, height, self._user_unit(page_number), None, self._budget)
        except (pdfium.PdfiumError, DecodeFailure):
            return 0, 0
        return pixels_of(height, scale.value), pixels_of(width, scale.value)

    def decode(self, page_number: int) -> Raster:
        """Returns the rendered page.

        Raises:
            DecodeFailure: the page is too large for anything on it to be legible within the limit, or its picture is.
            PdfiumError: the page is damaged.
        """
        # Loading runs through the page's operators, and takes no memory for its pixels yet.
        mapped_before = mapped_bytes()
        page = self._document[page_number - 1]
        loaded_bytes = mapped_bytes() - mapped_before
        try:
            _give_size(page)
            pictures = pictures_of(page)
            scale = self._scale(page, page_number, pictures)
            notices = page_notices(self._document, page, scale)
            bitmap = page.render(scale=scale.value, rev_byteorder=True)
            seconds = self._budget.left_s() * CHECK_SHARE
            notices += missing_glyphs(page, pictures, bitmap, loaded_bytes, seconds)
        finally:
            page.close()
        return Raster(bitmap.height, bitmap.width, packed_rows(bitmap), notices)

    def close(self) -> None:
        """Closes the document and the file."""
        self._document.close()
        self._file.close()

    def _scale(self, page: pdfium.PdfPage, page_number: int, pictures: PagePictures) -> Scale:
        width, height = page.get_size()
        self._check_picture(pictures.largest_pixels)
        user_unit = self._user_unit(page_number)
        scale = chosen_scale(width, height, user_unit, pictures.scan_scale, self._budget)
        pixels = pixels_of(height, scale.value) * pixels_of(width, scale.value)
        memory_bytes = pixels * BYTES_PER_PAGE_PIXEL
        memory_bytes += min(pictures.largest_pixels * BYTES_PER_PICTURE_PIXEL, MAX_PICTURE_BYTES)
        self._budget.allow(pixels, memory_bytes)
        return scale

    def _check_picture(self, pixels: int) -> None:
        if pixels > MAX_PICTURE_TO_PAGE * self._budget.max_page_pixels:
            raise DecodeFailure(
                "too_large",
                f"a picture of {pixels} pixels stands on it, more than {MAX_PICTURE_TO_PAGE} times the "
                f"{self._budget.max_page_pixels} pixels that this server decodes; send it smaller",
            )

    def _read_user_unit(self, page_number: int) -> float:
        return user_unit(self._document, page_number - 1) if self._may_have_user_units else 1.0


def _give_size(page: pdfium.PdfPage) -> None:
    """Sets the CropBox of a page where it lies outside of the MediaBox, whose intersection PDFium shows.

    Then the MediaBox counts: PDFium intersects again when the CropBox is set, and finds one that the page inherits.
    """
    if not all(page.get_size()):
        page.set_cropbox(*EVERYWHERE)


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
