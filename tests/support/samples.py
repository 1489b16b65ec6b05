"""Documents with known words, made on the spot: what a page says is what a test expects back.

Images use the font that ships with Pillow, PDFs the standard Helvetica that PDFium brings along, so they look the
same on every machine. PDFs come from pikepdf: it writes any object, right or wrong, and encrypts.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pikepdf
from PIL import Image, ImageDraw, ImageFont

LETTER = """Dear Ms Whitfield,

Thank you for your order of 14 March. The twelve garden chairs
left our workshop on Monday and should reach your house within
five working days. Our driver will call before the delivery and
needs someone at home to sign for it.

Two of the cushions you chose are out of stock. We can send the
same model in dark green at once, or keep your first choice on
the list until the new fabric arrives in April. Please tell us
which of the two you prefer.

The invoice for 1480 euros is enclosed. Payment is due within
thirty days. If anything is missing or damaged, write to us and
we will replace it free of charge.

With kind regards
Thomas Lindgren
Customer Service"""

A4_POINTS = (595, 842)


@dataclass(frozen=True)
class Sample:
    """A document and the truth about it.

    Attributes:
        name: file name with the extension of its format.
        content: the file's bytes.
        pages: for each page its words in reading order, punctuation attached.
    """

    name: str
    content: bytes
    pages: tuple[tuple[str, ...], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words of all pages."""
        return tuple(word for page in self.pages for word in page)


def letter_image(text: str = LETTER, *, width: int = 1240, font_pixels: int = 32) -> Image.Image:
    """A white page of A4 proportions with black text, RGB; 1240 pixels is 150 dpi."""
    image = Image.new("RGB", (width, width * A4_POINTS[1] // A4_POINTS[0]), "white")
    font = ImageFont.load_default(font_pixels)
    ImageDraw.Draw(image).multiline_text(
        (width // 10, width // 10), text, "black", font, spacing=font_pixels // 2
    )
    return image


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """The image as a file of Pillow's format name; a copy, because Pillow's writers leave traces on an image."""
    file = io.BytesIO()
    image.copy().save(file, image_format, **options)
    return file.getvalue()


def letter_png(text: str = LETTER, **layout: int) -> Sample:
    """One page as PNG."""
    return Sample("letter.png", encoded(letter_image(text, **layout), "PNG"), (tuple(text.split()),))


def letter_jpeg(text: str = LETTER, *, quality: int = 90, **layout: int) -> Sample:
    """One page as JPEG."""
    content = encoded(letter_image(text, **layout), "JPEG", quality=quality)
    return Sample("letter.jpg", content, (tuple(text.split()),))


def numbered(text: str, page: int, pages: int) -> str:
    """The text of page ``page``: with a heading that tells the pages apart."""
    return text if pages == 1 else f"Page {page} of {pages}\n\n{text}"


def letter_tiff(text: str = LETTER, *, pages: int = 2, compression: str = "group4", **layout: int) -> Sample:
    """Several pages as TIFF, by default as fax and scan software writes them."""
    texts = [numbered(text, page, pages) for page in range(1, pages + 1)]
    images = [
        letter_image(page_text, **layout).convert("1" if compression == "group4" else "RGB")
        for page_text in texts
    ]
    content = encoded(images[0], "TIFF", save_all=True, append_images=images[1:], compression=compression)
    return Sample("letter.tiff", content, tuple(tuple(page_text.split()) for page_text in texts))


def letter_pdf(
    text: str = LETTER,
    *,
    pages: int = 1,
    size_points: tuple[float, float] = A4_POINTS,
    font_points: int = 12,
    password: str = "",
    owner_password: str = "",
) -> Sample:
    """Several pages of text as PDF; with ``password`` encrypted (AES-256)."""
    texts = [numbered(text, page, pages) for page in range(1, pages + 1)]
    document = pikepdf.new()
    for page_text in texts:
        add_page(document, text_operators(page_text, size_points, font_points), size_points)
    encryption = pikepdf.Encryption(user=password, owner=owner_password or password, R=6)
    content = saved(document, encryption if password or owner_password else False)
    return Sample("letter.pdf", content, tuple(tuple(page_text.split()) for page_text in texts))


def text_operators(text: str, size_points: Sequence[float] = A4_POINTS, font_points: int = 12) -> bytes:
    """The content stream that sets ``text`` in Helvetica, from an inch or less off the top-left corner."""
    margin = min(72, *(side / 8 for side in size_points))
    lines = [wrapped for line in text.split("\n") for wrapped in textwrap.wrap(line, 75) or [""]]
    escaped = (line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in lines)
    shown = " T* ".join(f"({line}) Tj" for line in escaped)
    start = f"{margin:g} {size_points[1] - margin:g} Td"
    return f"BT /F1 {font_points} Tf {font_points * 1.4:g} TL {start} {shown} ET".encode("cp1252")


def add_page(
    document: pikepdf.Pdf, operators: bytes, size_points: Sequence[float] = A4_POINTS, **entries: Any
) -> pikepdf.Page:
    """Appends a page; ``entries`` go into its dictionary: ``Rotate=90``, ``UserUnit=2.0``."""
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type1,
        BaseFont=pikepdf.Name.Helvetica,
        Encoding=pikepdf.Name.WinAnsiEncoding,
    )
    page = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font)),
        Contents=document.make_stream(operators),
        **{"MediaBox": [0, 0, *size_points], **entries},
    )
    document.pages.append(pikepdf.Page(document.make_indirect(page)))
    return document.pages[-1]


def saved(document: pikepdf.Pdf, encryption: pikepdf.Encryption | bool = False, **options: Any) -> bytes:
    """The document's bytes; more options are those of ``pikepdf.Pdf.save``."""
    file = io.BytesIO()
    document.save(file, encryption=encryption, **options)
    return file.getvalue()
