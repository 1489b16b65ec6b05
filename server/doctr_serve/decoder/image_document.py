"""JPEG, PNG, WebP and TIFF inside a decoder process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image, TiffImagePlugin

from doctr_serve.decoder.failure import DecodeFailure
from doctr_serve.decoder.image_headers import exif_orientation, png_orientation, webp_header
from doctr_serve.decoder.pixels import oriented, rgb_bands

__all__ = ["SingleImageDocument", "TiffDocument"]

# The server checks sizes itself, from headers; Pillow's own check would warn and refuse at other numbers.
Image.MAX_IMAGE_PIXELS = None

MAX_TIFF_IMAGES = 10_000
# TIFF 6.0, tag 254 NewSubfileType: bit 0 a reduced copy of another image, bit 2 a transparency mask.
SUBFILE_TYPE_TAG = 254
NOT_A_PAGE = 0b101
ORIENTATION_TAG = 274


class SingleImageDocument:
    """A JPEG, PNG or WebP file: one page.

    Of an animated PNG or WebP the first picture is the page, and of a phone's multi-picture JPEG the main
    one: the rest are frames in time, previews or depth maps, not pages.

    Args:
        file: the file, open for reading.
        format_name: ``"jpeg"``, ``"png"`` or ``"webp"``.
    """

    page_count = 1

    def __init__(self, file: BinaryIO, format_name: str) -> None:
        self._file = file
        self._format = format_name.upper()
        self._image: Image.Image | None = None
        if format_name == "webp":
            width, height, self._orientation = webp_header(file)
        else:
            self._image = self._open()
            width, height = self._image.size
            exif = self._image.info.get("exif")
            self._orientation = png_orientation(file) if format_name == "png" else exif_orientation(exif)
        self._size = (width, height) if self._orientation >= 5 else (height, width)

    def size(self, page_number: int) -> tuple[int, int]:
        """Returns height and width in pixels, upright."""
        return self._size

    def decode(self, page_number: int) -> tuple[int, int, Iterator[bytes]]:
        """Returns height, width and the rows as packed RGB; for damaged data raises whatever Pillow does."""
        image = self._image or self._open()
        self._image = None
        image.load()
        upright = oriented(image, self._orientation)
        return upright.height, upright.width, rgb_bands(upright)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _open(self) -> Image.Image:
        self._file.seek(0)
        return Image.open(self._file, formats=(self._format,))


class TiffDocument:
    """A TIFF file: every full-size image in it is a page.

    Args:
        file: the file, open for reading.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.seek(0)
        image = Image.open(file, formats=("TIFF",))
        assert isinstance(image, TiffImagePlugin.TiffImageFile)  # noqa: S101 - for the type checker
        self._image = image
        self._frames: list[int] = []
        self._sizes: list[tuple[int, int]] = []
        self._read_directories()
        if not self._frames:
            raise DecodeFailure("unreadable", "the TIFF file holds no page, only previews or masks")

    @property
    def page_count(self) -> int:
        """Pages of the document."""
        return len(self._frames)

    def size(self, page_number: int) -> tuple[int, int]:
        """Returns height and width in pixels, upright; (0, 0) where the page's directory is damaged."""
        return self._sizes[page_number - 1]

    def decode(self, page_number: int) -> tuple[int, int, Iterator[bytes]]:
        """Returns height, width and the rows as packed RGB; for damaged data raises whatever Pillow does."""
        self._image.seek(self._frames[page_number - 1])
        # Pillow turns a TIFF upright itself when it loads it (TiffImageFile.load_end).
        self._image.load()
        return self._image.height, self._image.width, rgb_bands(self._image)

    def close(self) -> None:
        """Closes the file."""
        self._image.close()
        self._file.close()

    def _read_directories(self) -> None:
        """Finds the pages; a damaged directory is a page that cannot be read, and ends the list."""
        for frame in range(MAX_TIFF_IMAGES + 1):
            try:
                self._image.seek(frame)
                is_page = not int(self._image.tag_v2.get(SUBFILE_TYPE_TAG, 0)) & NOT_A_PAGE
                width, height = self._image.size
            except EOFError:
                return
            except (
                Exception
            ):  # Pillow raises what its parser stumbles over: struct.error, KeyError, SyntaxError…
                self._frames.append(frame)
                self._sizes.append((0, 0))
                return
            if is_page:
                self._frames.append(frame)
                self._sizes.append((height, width))
        raise DecodeFailure("unreadable", f"the TIFF file holds more than {MAX_TIFF_IMAGES} images")
