"""Draws letter.pdf (two pages) and letter.png (the first of them) from letter.txt, the truth beside them.

Run through ``make samples``. The text is set in Helvetica, one of the fonts that every PDF reader has, so
nothing needs to be installed or embedded.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

FOLDER = Path(__file__).resolve().parent
A4_POINTS = (595, 842)
MARGIN_POINTS = 64
FONT_SIZE_POINTS = 12
LINE_HEIGHT_POINTS = 18
COLUMN_POINTS = 7
FONT = b"Helvetica"
PNG_DPI = 150
PNG_GREYS = 16


FIRST_WORD = (131, 136, 230, 164)
"""Left, top, right and bottom of the letter's first word, in pixels of its picture."""


def draw_text(document: pdfium.PdfDocument, page: pdfium.PdfPage, text: str, x: float, y: float) -> None:
    """Puts one piece of text on the page, its baseline starting at (x, y) points from the bottom-left."""
    piece = pdfium_c.FPDFPageObj_NewTextObj(document.raw, FONT, FONT_SIZE_POINTS)
    utf16 = ctypes.create_string_buffer(text.encode("utf-16-le") + b"\0\0")
    pdfium_c.FPDFText_SetText(piece, ctypes.cast(utf16, ctypes.POINTER(ctypes.c_ushort)))
    pdfium_c.FPDFPageObj_Transform(piece, 1, 0, 0, 1, x, y)
    pdfium_c.FPDFPage_InsertObject(page.raw, piece)


def draw(pages: list[str]) -> pdfium.PdfDocument:
    """A PDF with one page for each text."""
    document = pdfium.PdfDocument.new()
    for text in pages:
        page = document.new_page(*A4_POINTS)
        for line_number, line in enumerate(text.splitlines()):
            baseline = A4_POINTS[1] - MARGIN_POINTS - FONT_SIZE_POINTS - line_number * LINE_HEIGHT_POINTS
            # Three spaces or more set the columns of the invoice; prose has none.
            for cell in re.finditer(r"\S+( {1,2}\S+)*", line):
                left = MARGIN_POINTS + cell.start() * COLUMN_POINTS
                draw_text(document, page, cell.group(), left, baseline)
        page.gen_content()
    return document


def main() -> None:
    """Writes both files next to the text."""
    document = draw((FOLDER / "letter.txt").read_text(encoding="utf-8").split("\f"))
    document.save(FOLDER / "letter.pdf")
    image = document[0].render(scale=PNG_DPI / 72, grayscale=True).to_pil()
    image.quantize(PNG_GREYS).save(FOLDER / "letter.png", optimize=True, dpi=(PNG_DPI, PNG_DPI))
    Image.open(FOLDER / "letter.png").crop(FIRST_WORD).save(FOLDER / "word.png", optimize=True)


if __name__ == "__main__":
    main()
