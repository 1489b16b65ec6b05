"""The UserUnit of PDF pages: how many points their unit is (ISO 32000-1, table 30), which PDFium does not tell.

PDFium's interface gives no access to a page's dictionary. But it writes one: a page imported into an empty
document and saved stands there in plain text. As that copies the page's pictures, it is done only for files
that have the word in them, in the clear or in an object stream.
"""

from __future__ import annotations

import ctypes
import mmap
import re
import zlib

import pypdfium2 as pdfium
from pypdfium2 import raw

__all__ = ["mentions_user_unit", "user_unit"]

WORD = b"/UserUnit"
ENTRY = re.compile(rb"/UserUnit\s*([0-9]{0,6}(?:\.[0-9]{0,6})?)")
# Acrobat's own bound (ISO 32000-1, annex C.2: 75,000; a page is 200 inches in units of 1/72 inch times that).
MAX_USER_UNIT = 75_000.0

# Object streams looked into, and the bytes of each: writers put 100 to 200 objects into one, some kilobytes.
MAX_OBJECT_STREAMS = 2000
MAX_OBJECT_STREAM_BYTES = 1024 * 1024
# A page dictionary follows the catalogue and comes before its pictures; the rest of the copy is of no use.
MAX_WRITTEN_BYTES = 1024 * 1024


def mentions_user_unit(content: mmap.mmap) -> bool:
    """Returns whether any page may have a UserUnit.

    False for one that hides in an encrypted object stream.

    Args:
        content: the file.
    """
    if content.find(WORD) >= 0:
        return True
    position = 0
    for _ in range(MAX_OBJECT_STREAMS):
        position = content.find(b"/ObjStm", position + 1)
        if position < 0:
            return False
        start = content.find(b"stream", position, position + 512)
        if start >= 0 and WORD in _inflated(content, start + len(b"stream")):
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


def user_unit(document: pdfium.PdfDocument, page_index: int) -> float:
    """Returns the page's UserUnit; 1.0 where it has none or the page cannot be copied.

    Args:
        document: the opened PDF.
        page_index: 0-based.
    """
    written = bytearray()

    def write(_: object, data: int, size: int) -> int:
        written.extend(ctypes.string_at(data, min(size, MAX_WRITTEN_BYTES - len(written))))
        return len(written) < MAX_WRITTEN_BYTES

    writer = raw.FPDF_FILEWRITE(version=1)
    writer.WriteBlock = type(writer.WriteBlock)(write)
    copy = pdfium.PdfDocument.new()
    try:
        copy.import_pages(document, [page_index])
        raw.FPDF_SaveAsCopy(copy, writer, raw.FPDF_NO_INCREMENTAL)
    except pdfium.PdfiumError:
        return 1.0
    finally:
        copy.close()
    found = ENTRY.search(written)
    try:
        value = float(found[1]) if found else 1.0
    except ValueError:
        return 1.0
    return value if 0 < value <= MAX_USER_UNIT else 1.0
