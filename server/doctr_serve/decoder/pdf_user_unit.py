"""The UserUnit of PDF pages: how many points their unit is (ISO 32000-1, table 30), which PDFium does not tell.

PDFium's interface gives no access to a page's dictionary. But it writes one: a page imported into an empty
document and saved stands there in plain text. As that copies the page's pictures, it is done only for files
that have the word in them.
"""

from __future__ import annotations

import ctypes
import re

import pypdfium2 as pdfium
from pypdfium2 import raw

__all__ = ["USER_UNIT", "user_unit"]

USER_UNIT = b"/UserUnit"
"""The word that stands in every file with such a page."""
ENTRY = re.compile(rb"/UserUnit\s*([0-9]{0,6}(?:\.[0-9]{0,6})?)")
# Acrobat's own bound (ISO 32000-1, annex C.2: 75,000; a page is 200 inches in units of 1/72 inch times that).
MAX_USER_UNIT = 75_000.0
# A page dictionary follows the catalogue and comes before its pictures; the rest of the copy is of no use.
MAX_WRITTEN_BYTES = 1024 * 1024


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
