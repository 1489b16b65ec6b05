"""The chunks of a PNG that make up its picture; what else it carries must not cost it.

Pillow refuses a PNG whose text, ICC profile or resolution has a wrong checksum or is large, as no viewer does
(``PngImagePlugin.MAX_TEXT_CHUNK``, ``ChunkStream.verify``). Its ``LOAD_TRUNCATED_IMAGES`` would read past that, and
past damaged pixels too. So Pillow gets to see the critical chunks only, and the one ancillary chunk that
changes pixels as they are shown here: ``tRNS``.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import BinaryIO

from doctr_serve.decoder.failure import DecodeFailure
from doctr_serve.decoder.image_headers import MAX_EXIF_BYTES, exif_orientation
from doctr_serve.decoder.spliced import spliced

__all__ = ["png_picture"]

SIGNATURE_BYTES = 8
# Length, name and checksum.
CHUNK_OVERHEAD = 12
# Chunks looked at; writers cut pixels into chunks of 8 KiB and more, so this covers 500 MB. What follows stays as is.
MAX_CHUNKS = 65_536
# PNG third edition, 11.3.1.1: a byte for each of 256 palette entries at most.
MAX_TRNS_BYTES = 256


def png_picture(file: BinaryIO) -> tuple[BinaryIO, int]:
    """Returns the PNG without what is no picture, and its EXIF orientation, 1 to 8.

    The orientation is that of the ``eXIf`` chunk (PNG third edition, 11.3.2.5), wherever it stands; 1 without one.

    Args:
        file: the PNG, open for reading; the result reads from it.

    Raises:
        DecodeFailure: it is of a kind that is no PNG to other readers.
    """
    size = file.seek(0, os.SEEK_END)
    segments = [(0, min(SIGNATURE_BYTES, size))]
    orientation = 1
    position = SIGNATURE_BYTES
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            break
        (length,) = struct.unpack(">I", header[:4])
        kind = header[4:]
        if kind == b"CgBI":
            raise DecodeFailure("unsupported", "a PNG as Apple's tools pack it for iPhone apps is not read")
        if kind == b"eXIf" and orientation == 1:
            orientation = exif_orientation(file.read(min(length, MAX_EXIF_BYTES)))
        if _is_picture(file, position, kind, length):
            _append(segments, position, min(CHUNK_OVERHEAD + length, size - position))
        position += CHUNK_OVERHEAD + length
        if kind == b"IEND":
            return spliced(file, segments), orientation
    if position < size:
        _append(segments, position, size - position)
    return spliced(file, segments), orientation


def _is_picture(file: BinaryIO, position: int, kind: bytes, length: int) -> bool:
    if kind != b"tRNS":
        # PNG third edition, 5.4: a capital first letter marks a critical chunk.
        return kind[:1].isupper()
    if length > MAX_TRNS_BYTES:
        return False
    file.seek(position + 4)
    body = file.read(4 + length)
    return file.read(4) == struct.pack(">I", zlib.crc32(body))


def _append(segments: list[tuple[int, int]], offset: int, length: int) -> None:
    last_offset, last_length = segments[-1]
    if last_offset + last_length == offset:
        segments[-1] = (last_offset, last_length + length)
    else:
        segments.append((offset, length))
