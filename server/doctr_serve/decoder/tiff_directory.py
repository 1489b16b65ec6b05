"""The directories of a TIFF file: what each image in it is, read without Pillow.

Pillow knows an image only once it can decode it, so an image of a kind that it does not know would hide those
behind it. TIFF 6.0, section 2, and the BigTIFF design (libtiff, 2004).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["DirectoryError", "TiffDirectory", "read_directories"]

# Tags, TIFF 6.0.
SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
FILL_ORDER, ORIENTATION, SAMPLES, X_RESOLUTION, Y_RESOLUTION, PLANAR = 266, 274, 277, 282, 283, 284
INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, SUBSAMPLING = 332, 338, 339, 530
TAGS = frozenset(
    (SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, ORIENTATION, SAMPLES)
) | {X_RESOLUTION, Y_RESOLUTION, PLANAR, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, SUBSAMPLING}

# Format of one value by the field's type; the types that these tags have.
_TYPES = {1: "B", 3: "H", 4: "I", 5: "II", 13: "I", 16: "Q"}
MAX_ENTRIES = 4096
# More samples than that no image has.
MAX_VALUES = 64
# TIFF 6.0, tag 254 NewSubfileType: bit 0 a reduced copy of another image, bit 2 a transparency mask.
NOT_A_PAGE = 0b101


class DirectoryError(Exception):
    """A directory is damaged, or the file ends before it."""


@dataclass(frozen=True)
class TiffDirectory:
    """One image.

    Attributes:
        offset: where its directory stands in the file.
        values: by tag, those of ``TAGS`` that are there; of rationals the quotients.
        is_big_endian: the file's byte order.
        is_big_tiff: whether offsets have 8 bytes.
        following_at: where in the file the offset of the next directory stands.
        orientation_at: where in the file the orientation's value stands; None where it has none.
    """

    offset: int
    values: dict[int, tuple[float, ...]]
    is_big_endian: bool
    is_big_tiff: bool
    following_at: int
    orientation_at: int | None

    def number(self, tag: int, default: int) -> int:
        """Returns the first value of a tag."""
        return int(self.values.get(tag, (default,))[0])

    def numbers(self, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """Returns every value of a tag."""
        return tuple(int(value) for value in self.values.get(tag, default))

    @property
    def is_page(self) -> bool:
        """Whether it is a full-size image and no preview or mask."""
        return not self.number(SUBFILE_TYPE, 0) & NOT_A_PAGE

    @property
    def width(self) -> int:
        """Pixels as stored."""
        return self.number(WIDTH, 0)

    @property
    def height(self) -> int:
        """Pixels as stored."""
        return self.number(HEIGHT, 0)

    @property
    def orientation(self) -> int:
        """1 to 8, as EXIF's."""
        value = self.number(ORIENTATION, 1)
        return value if 1 <= value <= 8 else 1

    @property
    def resolution(self) -> tuple[float, float]:
        """Pixels per unit, horizontally and vertically as stored; (0, 0) where the file does not say."""
        across, along = self.values.get(X_RESOLUTION), self.values.get(Y_RESOLUTION)
        return (across[0], along[0]) if across and along else (0.0, 0.0)


def read_directories(file: BinaryIO, most: int) -> tuple[list[TiffDirectory], bool]:
    """Returns the file's images in order, and whether the chain of directories breaks off behind them.

    Args:
        file: the TIFF, open for reading.
        most: images to read at most.

    Raises:
        DirectoryError: there is no first directory.
    """
    file.seek(0)
    header = file.read(16)
    order = ">" if header[:1] == b"M" else "<"
    is_big = len(header) == 16 and struct.unpack(f"{order}H", header[2:4])[0] == 43
    try:
        offset = struct.unpack(f"{order}{'Q' if is_big else 'I'}", header[8:16] if is_big else header[4:8])[0]
    except struct.error as error:
        raise DirectoryError from error
    size = file.seek(0, os.SEEK_END)
    directories: list[TiffDirectory] = []
    seen: set[int] = set()
    while offset and offset not in seen and len(directories) < most:
        seen.add(offset)
        try:
            directory, offset = _read_directory(file, offset, size, order, is_big)
        except DirectoryError:
            if not directories:
                raise
            return directories, True
        directories.append(directory)
    return directories, False


def _read_directory(
    file: BinaryIO, offset: int, size: int, order: str, is_big: bool
) -> tuple[TiffDirectory, int]:
    """Returns a directory and where the next one stands, 0 for none."""
    file.seek(offset)
    count = _unpack(file, f"{order}{'Q' if is_big else 'H'}")[0]
    if not 0 < count <= MAX_ENTRIES:
        raise DirectoryError
    entry = struct.Struct(f"{order}HH{'Q8s' if is_big else 'I4s'}")
    raw = file.read(entry.size * count)
    if len(raw) < entry.size * count:
        raise DirectoryError
    following_at = file.tell()
    following = _unpack(file, f"{order}{'Q' if is_big else 'I'}")[0]
    values, value_at = {}, {}
    for index, (tag, kind, number, inline) in enumerate(entry.iter_unpack(raw), start=1):
        if tag in TAGS and kind in _TYPES and number > 0:
            values[tag] = _values(file, kind, min(number, MAX_VALUES), inline, order, size)
            value_at[tag] = following_at - entry.size * (count - index) - len(inline)
    directory = TiffDirectory(offset, values, order == ">", is_big, following_at, value_at.get(ORIENTATION))
    return directory, following


def _values(file: BinaryIO, kind: int, count: int, inline: bytes, order: str, size: int) -> tuple[float, ...]:
    form = struct.Struct(order + _TYPES[kind] * count)
    if form.size <= len(inline):
        numbers = form.unpack(inline[: form.size])
    else:
        (offset,) = struct.unpack(f"{order}{'Q' if len(inline) == 8 else 'I'}", inline)
        if offset + form.size > size:
            raise DirectoryError
        file.seek(offset)
        numbers = form.unpack(file.read(form.size))
    if _TYPES[kind] != "II":
        return numbers
    return tuple(
        numerator / denominator if denominator else 0.0
        for numerator, denominator in zip(numbers[::2], numbers[1::2], strict=True)
    )


def _unpack(file: BinaryIO, form: str) -> tuple[int, ...]:
    data = file.read(struct.calcsize(form))
    try:
        return struct.unpack(form, data)
    except struct.error as error:
        raise DirectoryError from error
