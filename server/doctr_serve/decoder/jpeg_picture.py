"""JPEG pixels, of files that are cut short as well: what has arrived is read as far as it goes."""

from __future__ import annotations

import contextlib
import os
from typing import BinaryIO

from PIL import Image, ImageFile

from doctr_serve.decoder.failure import DecodeFailure
from doctr_serve.decoder.jpeg_structure import JpegStructure, bytes_from, count_scans
from doctr_serve.decoder.notices import FILE_CUT_SHORT, Notice
from doctr_serve.decoder.spliced import spliced

__all__ = ["check_enough_is_there", "load_jpeg"]

# With more than half of the picture missing it is another picture.
MIN_SHARE = 0.5
END_OF_IMAGE = b"\xff\xd9"
# A row of nothing but this has not been decoded; no scanner or camera makes one.
UNTOUCHED: dict[str, float | tuple[float, ...]] = {"L": 77, "RGB": (1, 254, 3), "CMYK": (1, 254, 3, 77)}
WHITE: dict[str, float | tuple[float, ...]] = {"L": 255, "RGB": (255, 255, 255), "CMYK": (0, 0, 0, 0)}
MOSTLY_MISSING = "the file is cut short: most of the picture is missing"


def check_enough_is_there(file: BinaryIO, structure: JpegStructure) -> None:
    """Refuses a file that is too short for half of its picture, before memory is taken for the whole of it.

    libjpeg fills up in grey what is missing, and calls it read.

    Raises:
        DecodeFailure: most of the picture is missing.
    """
    if structure.scan_start is None:
        raise DecodeFailure("unreadable", "the JPEG holds no picture; the file is cut short or damaged")
    if structure.most_that_can_be_there(bytes_from(file, structure.scan_start)) < MIN_SHARE:
        raise DecodeFailure("unreadable", MOSTLY_MISSING)


def load_jpeg(file: BinaryIO, structure: JpegStructure) -> tuple[Image.Image, tuple[Notice, ...]]:
    """Returns the loaded picture as stored, and what is missing of it.

    Rows that are missing are white. Of a progressive JPEG fine detail is missing instead, everywhere.

    Args:
        file: the JPEG, open for reading.
        structure: of this file.

    Raises:
        DecodeFailure: more than half of the rows are missing.
        OSError: the picture is damaged.
    """
    image = _open(file)
    if structure.is_arithmetic:
        image.decodermaxblock = file.seek(0, os.SEEK_END)
    try:
        image.load()
        return image, ()
    except OSError as error:
        if structure.rare_kind is not None:
            problem = f"this {structure.rare_kind} could not be read; send it as an ordinary one"
            raise DecodeFailure("unsupported", problem) from error
        # Pillow raises OSError for everything; ImageFile.load words it so where the file ended too early.
        if "truncated" not in str(error):
            raise
    del image  # Its pixels; closing it would close the file.
    return _load_cut(file, structure)


def _load_cut(file: BinaryIO, structure: JpegStructure) -> tuple[Image.Image, tuple[Notice, ...]]:
    assert structure.scan_start is not None  # noqa: S101 - check_enough_is_there
    if structure.has_one_scan:
        rows, height = _rows_there(file)
        if rows < height * MIN_SHARE:
            raise DecodeFailure("unreadable", f"{MOSTLY_MISSING} ({height - rows} of {height} rows)")
    elif count_scans(file, structure.scan_start) == 0:
        raise DecodeFailure("unreadable", MOSTLY_MISSING)
    image = _open(spliced(file, [(0, file.seek(0, os.SEEK_END))], END_OF_IMAGE))
    image.load()
    if not structure.has_one_scan:
        return image, (
            Notice(FILE_CUT_SHORT, "the file is cut short; fine detail of the picture may be missing"),
        )
    # The decoder hands rows over by the block row, and holds back the one that it is in and the one before.
    block_rows = 8 * max((factor for _, factor in structure.sampling), default=1)
    missing = height - rows
    if missing <= 2 * block_rows:
        return image, (Notice(FILE_CUT_SHORT, "the file lacks its end; at most the last rows are missing"),)
    image.paste(WHITE[image.mode], (0, rows + block_rows, image.width, height))
    share = 100 * missing / height
    message = f"the file is cut short: the last {missing} of {height} rows ({share:.0f}%) are missing"
    return image, (Notice(FILE_CUT_SHORT, message),)


def _rows_there(file: BinaryIO) -> tuple[int, int]:
    """Decodes as far as the file goes; returns the rows that came out, and the picture's rows."""
    image = _open(file)
    untouched = UNTOUCHED[image.mode]
    image.im = Image.core.fill(image.mode, image.size, untouched)
    with contextlib.suppress(OSError):
        image.load()
    image.tile = []  # Else looking at the pixels loads again.
    row = Image.new(image.mode, (image.width, 1), untouched).tobytes()
    rows = image.height
    while rows and image.crop((0, rows - 1, image.width, rows)).tobytes() == row:
        rows -= 1
    return rows, image.height


def _open(file: BinaryIO) -> ImageFile.ImageFile:
    file.seek(0)
    return Image.open(file, formats=("JPEG",))
