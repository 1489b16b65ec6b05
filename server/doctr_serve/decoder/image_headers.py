"""Size and EXIF orientation from an image's headers, without decoding a pixel.

Pillow gives the size of other pictures from the header, but its WebP plugin allocates the whole canvas to open
a file. These readers look at chunk headers only; PNG's are in ``png_chunks``.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from PIL import Image

from doctr_serve.decoder.failure import DecodeFailure

__all__ = ["MAX_EXIF_BYTES", "exif_orientation", "webp_header"]

ORIENTATION_TAG = 0x0112
# Chunks looked at; an animation has one for each of its frames.
MAX_CHUNKS = 65_536
# EXIF of JPEG is at most 64 KiB; elsewhere more is no metadata worth parsing.
MAX_EXIF_BYTES = 1024 * 1024


def exif_orientation(exif: bytes | None) -> int:
    """Returns the EXIF orientation, 1 to 8; 1 where there is none or the block is damaged."""
    if not exif:
        return 1
    block = Image.Exif()
    try:
        block.load(exif)
        orientation = block.get(ORIENTATION_TAG, 1)
    except Exception:  # Damaged metadata is no reason to refuse an image that is otherwise fine.
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def webp_header(file: BinaryIO) -> tuple[int, int, int]:
    """Returns width, height and EXIF orientation of a WebP file (RFC 9649, sections 2.5 to 2.7).

    Raises:
        DecodeFailure: the header is damaged.
    """
    file.seek(0)
    head = file.read(30)
    kind = head[12:16]
    if len(head) == 30 and kind == b"VP8X":
        width = int.from_bytes(head[24:27], "little") + 1
        height = int.from_bytes(head[27:30], "little") + 1
        has_exif = bool(head[20] & 0x08)
        return width, height, _webp_orientation(file) if has_exif else 1
    if len(head) == 30 and kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF, 1
    if len(head) >= 25 and kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 1
    raise DecodeFailure("unreadable", "the WebP header is damaged")


def _webp_orientation(file: BinaryIO) -> int:
    position = 12
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return 1
        (length,) = struct.unpack("<I", header[4:])
        if header[:4] == b"EXIF":
            return exif_orientation(file.read(min(length, MAX_EXIF_BYTES)))
        position += 8 + length + length % 2
    return 1
