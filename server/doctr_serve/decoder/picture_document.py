"""JPEG, PNG, WebP, GIF and BMP inside a decoder process: files of one page."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from doctr_serve.decoder.budget import Budget
from doctr_serve.decoder.failure import DecodeFailure
from doctr_serve.decoder.image_headers import exif_orientation, webp_header
from doctr_serve.decoder.jpeg_picture import check_enough_is_there, load_jpeg
from doctr_serve.decoder.jpeg_structure import JpegStructure, read_structure
from doctr_serve.decoder.notices import Notice, Raster
from doctr_serve.decoder.pixels import rgb_bands
from doctr_serve.decoder.png_chunks import png_picture

__all__ = ["PictureDocument"]

# The server checks sizes itself, from headers; Pillow's own check would warn and refuse at other numbers.
Image.MAX_IMAGE_PIXELS = None

# Bytes that decoding takes for a pixel, measured with pictures at the limit and rounded up: Pillow keeps colours in
# 4 bytes, libwebp's animation decoder the canvas three times besides.
BYTES_PER_PIXEL = {"jpeg": 5, "png": 5, "webp": 17, "gif": 5, "bmp": 5}
# libjpeg keeps the coefficients of a JPEG of several scans until the last one: 2 bytes for each sample.
BYTES_PER_COEFFICIENT = 2


class PictureDocument:
    """A JPEG, PNG, WebP, GIF or BMP file: one page.

    Of an animated GIF, PNG or WebP the first picture is the page, and of a phone's multi-picture JPEG the main
    one: the rest are frames in time, previews or depth maps, not pages.

    Args:
        file: the file, open for reading.
        format_name: ``"jpeg"``, ``"png"``, ``"webp"``, ``"gif"`` or ``"bmp"``.
        budget: holds this process to its limits.

    Attributes:
        page_count: 1.
        notices: none; what is missing is known once the page is decoded.

    Raises:
        DecodeFailure: the header is damaged, or the file of a kind that is not read.
        Exception: whatever Pillow raises for a damaged header.
    """

    page_count = 1
    notices: tuple[Notice, ...] = ()

    def __init__(self, file: BinaryIO, format_name: str, budget: Budget) -> None:
        self._file = file
        self._picture = file
        self._format = format_name
        self._budget = budget
        self._jpeg = JpegStructure()
        self._orientation = 1
        if format_name == "webp":
            width, height, self._orientation = webp_header(file)
        else:
            width, height = self._read_header()
        self._size = (width, height) if self._orientation >= 5 else (height, width)

    def size(self, page_number: int) -> tuple[int, int]:
        """Returns height and width in pixels, upright."""
        return self._size

    def decode(self, page_number: int) -> Raster:
        """Returns the page; for damaged data raises whatever Pillow does."""
        height, width = self._size
        self._budget.check_pixels(height, width)
        self._budget.allow(height * width, height * width * self._bytes_per_pixel())
        notices: tuple[Notice, ...] = ()
        if self._format == "jpeg":
            check_enough_is_there(self._file, self._jpeg)
            image, notices = load_jpeg(self._file, self._jpeg)
        else:
            image = self._open()
            self._budget.check_pixels(image.height, image.width)
            image.load()
        # A BMP's fourth byte is seldom alpha, whatever its header says: zero in most files, and drawn by no viewer.
        bands = rgb_bands(image, self._orientation, is_opaque=self._format == "bmp")
        return Raster(height, width, bands, notices)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read_header(self) -> tuple[int, int]:
        """Returns width and height as stored; sets the orientation."""
        if self._format == "png":
            self._picture, self._orientation = png_picture(self._file)
        if self._format == "jpeg":
            self._jpeg = read_structure(self._file)
            if self._jpeg.kind is not None:
                raise DecodeFailure(
                    "unsupported", f"a {self._jpeg.kind} is not read; send it as an ordinary one"
                )
        image = self._open()
        if self._format == "jpeg":
            self._orientation = exif_orientation(image.info.get("exif"))
        return image.size

    def _bytes_per_pixel(self) -> int:
        if self._format != "jpeg" or self._jpeg.has_one_scan:
            return BYTES_PER_PIXEL[self._format]
        return BYTES_PER_PIXEL["jpeg"] + BYTES_PER_COEFFICIENT * len(self._jpeg.sampling)

    def _open(self) -> Image.Image:
        self._picture.seek(0)
        return Image.open(self._picture, formats=(self._format.upper(),))
