"""Whether a name stands anywhere in a PDF, for what PDFium's interface does not tell."""

from __future__ import annotations

import mmap
import zlib

__all__ = ["mentions"]

# Object streams looked into, and the bytes of each: writers put 100 to 200 objects into one, some kilobytes.
MAX_OBJECT_STREAMS = 2000
MAX_OBJECT_STREAM_BYTES = 1024 * 1024


def mentions(content: mmap.mmap, name: bytes) -> bool:
    """Returns whether a name stands in the file, in the clear or in an object stream.

    False for one that hides in an encrypted object stream.

    Args:
        content: the file.
        name: with its slash, as ``b"/UserUnit"``.
    """
    if content.find(name) >= 0:
        return True
    position = 0
    for _ in range(MAX_OBJECT_STREAMS):
        position = content.find(b"/ObjStm", position + 1)
        if position < 0:
            return False
        start = content.find(b"stream", position, position + 512)
        if start >= 0 and name in _inflated(content, start + len(b"stream")):
            return True
    return False


def _inflated(content: mmap.mmap, start: int) -> bytes:
    while content[start : start + 1] in (b"\r", b"\n"):
        start += 1
    try:
        return zlib.decompressobj().decompress(
            content[start : start + MAX_OBJECT_STREAM_BYTES], MAX_OBJECT_STREAM_BYTES
        )
    except zlib.error:  # Another filter, an encrypted stream or a damaged one.
        return b""
