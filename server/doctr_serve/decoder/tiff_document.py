"""TIFF inside a decoder process: every full-size image in the file is a page."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image, ImagePalette, TiffImagePlugin, UnidentifiedImageError

from doctr_serve.decoder.budget import Budget
from doctr_serve.decoder.failure import DecodeFailure
from doctr_serve.decoder.notices import Notice, Raster
from doctr_serve.decoder.pixels import rgb_bands
from doctr_serve.decoder.samples import Samples
from doctr_serve.decoder.tiff_directory import (
    BITS,
    PHOTOMETRIC,
    SAMPLE_FORMAT,
    DirectoryError,
    TiffDirectory,
    read_directories,
)
from doctr_serve.decoder.tiff_kinds import (
    UNSIGNED,
    is_misread,
    is_ordinary,
    is_packed_as_usual,
    kind_name,
    needs_libtiff,
)

__all__ = ["TiffDocument"]

MAX_TIFF_IMAGES = 10_000
COLOUR_MAP_TAG = 320
# Bytes that decoding takes for a pixel: Pillow's 4, and libtiff's strip, which may be the whole image, of 4 samples.
BYTES_PER_PIXEL = 9
# Fax machines scan at 204 x 98 or 204 x 391 dots per inch; 204 x 196 looks right as it is.
MIN_STRETCH = 1.05
# Beyond, the tags are wrong: no scanner resolves one direction so much better than the other.
MAX_STRETCH = 4.5
# libtiff hands 2 and 4 bytes over in the machine's order; Pillow takes these modes for the file's order.
_NATIVE = {"I;16BS": "I;16S", "I;32BS": "I;32S", "F;32BF": "F;32F"}


class TiffDocument:
    """A TIFF file.

    Args:
        file: the file, open for reading.
        budget: holds this process to its limits.

    Attributes:
        notices: none.

    Raises:
        DecodeFailure: it holds no page, or too many.
    """

    notices: tuple[Notice, ...] = ()

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self._file = file
        self._budget = budget
        try:
            directories, self._is_cut = read_directories(file, MAX_TIFF_IMAGES + 1)
        except DirectoryError as error:
            raise DecodeFailure("unreadable", "the TIFF file is damaged or cut short") from error
        if len(directories) > MAX_TIFF_IMAGES:
            raise DecodeFailure("unreadable", f"the TIFF file holds more than {MAX_TIFF_IMAGES} images")
        self._pages = [directory for directory in directories if directory.is_page]
        if not self._pages and not self._is_cut:
            raise DecodeFailure("unreadable", "the TIFF file holds no page, only previews or masks")

    @property
    def page_count(self) -> int:
        """Pages of the document; a damaged directory is a page that cannot be read, and ends the list."""
        return len(self._pages) + self._is_cut

    def size(self, page_number: int) -> tuple[int, int]:
        """Returns height and width in pixels, upright and stretched; (0, 0) where the directory is damaged."""
        if page_number > len(self._pages):
            return 0, 0
        directory = self._pages[page_number - 1]
        width, height = _stretched(directory, self._budget.max_page_pixels)
        return (width, height) if directory.orientation >= 5 else (height, width)

    def decode(self, page_number: int) -> Raster:
        """Returns the page; for damaged data raises whatever Pillow does.

        Raises:
            DecodeFailure: the image is of a kind that is not read, or too large.
        """
        if page_number > len(self._pages):
            raise DecodeFailure("unreadable", "the TIFF file is damaged or cut short")
        directory = self._pages[page_number - 1]
        height, width = self.size(page_number)
        self._budget.check_pixels(height, width)
        self._budget.check_pixels(directory.height, directory.width)
        pixels = max(height * width, directory.height * directory.width)
        self._budget.allow(pixels, pixels * BYTES_PER_PIXEL)
        image = _loaded(self._file, directory)
        stored = _stretched(directory, self._budget.max_page_pixels)
        if stored != image.size:
            image = (image.convert("L") if image.mode == "1" else image).resize(
                stored, Image.Resampling.BICUBIC
            )
        samples = Samples(
            bits=min(16, max(directory.numbers(BITS, (1,)))),
            is_unsigned=directory.number(SAMPLE_FORMAT, UNSIGNED) == UNSIGNED,
            is_white_zero=directory.number(PHOTOMETRIC, 0) == 0,
        )
        bands: Iterator[bytes] = rgb_bands(image, directory.orientation, samples=samples)
        return Raster(height, width, bands)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class _OneImage:
    """A TIFF file as if it held one image, lying as it is stored.

    Its header points to the image's directory, which points to no other: Pillow would walk through all that follow
    when it loads an image, and fail with the first damaged one. And it has no orientation: Pillow would turn the
    image itself, which takes a second copy.

    Has ``fileno``: Pillow gives libtiff the file itself, and the directory's offset with it.
    """

    def __init__(self, file: BinaryIO, directory: TiffDirectory) -> None:
        self._file = file
        order = ">" if directory.is_big_endian else "<"
        pointer = struct.Struct(f"{order}{'Q' if directory.is_big_tiff else 'I'}")
        self._patches = {
            8 if directory.is_big_tiff else 4: pointer.pack(directory.offset),
            directory.following_at: pointer.pack(0),
        }
        if directory.orientation_at is not None:
            self._patches[directory.orientation_at] = struct.pack(f"{order}H", 1)

    def read(self, size: int = -1) -> bytes:
        position = self._file.tell()
        data = self._file.read(size)
        for start, patch in self._patches.items():
            first, last = max(start, position), min(start + len(patch), position + len(data))
            if first < last:
                patched = patch[first - start : last - start]
                data = data[: first - position] + patched + data[last - position :]
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()


def _loaded(file: BinaryIO, directory: TiffDirectory) -> Image.Image:
    """The image as stored."""
    unsupported = DecodeFailure(
        "unsupported", f"{kind_name(directory)} is not read; send it as 8-bit RGB or grey"
    )
    if is_misread(directory):
        raise unsupported
    TiffImagePlugin.READ_LIBTIFF = needs_libtiff(directory)
    one = _OneImage(file, directory)
    one.seek(0)
    try:
        image = Image.open(one, formats=("TIFF",))  # type: ignore[arg-type]  # It uses these methods only.
    except (UnidentifiedImageError, KeyError) as error:
        if is_ordinary(directory):
            raise
        raise unsupported from error
    assert isinstance(image, TiffImagePlugin.TiffImageFile)  # noqa: S101 - for the type checker
    _correct(image)
    try:
        image.load()
    except OSError as error:
        if is_packed_as_usual(directory):
            raise
        raise unsupported from error
    return image


def _correct(image: TiffImagePlugin.TiffImageFile) -> None:
    """Mends what Pillow takes wrongly from the directory."""
    if sys.byteorder == "little":
        image.tile = [
            tile._replace(args=(_NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:]))
            if tile.codec_name == "libtiff" and isinstance(tile.args, tuple)
            else tile
            for tile in image.tile
        ]
    colours = image.tag_v2.get(COLOUR_MAP_TAG)
    if image.mode in ("P", "PA") and colours and max(colours) < 256:
        # Some writers give the palette 8 bits instead of 16 (libtiff, tif_getimage.c: checkcmap).
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))


def _stretched(directory: TiffDirectory, max_pixels: int) -> tuple[int, int]:
    """Width and height as stored, once its pixels are square: the coarser direction is enlarged.

    Where this gives more than ``max_pixels``, the finer direction is reduced instead.
    """
    width, height = directory.width, directory.height
    across, along = directory.resolution
    if not (across > 0 and along > 0):
        return width, height
    ratio = max(across, along) / min(across, along)
    if not MIN_STRETCH < ratio <= MAX_STRETCH:
        return width, height
    factor = ratio if width * height * ratio <= max_pixels else 1 / ratio
    if (along < across) == (factor > 1):
        return width, max(1, round(height * factor))
    return max(1, round(width * factor)), height
