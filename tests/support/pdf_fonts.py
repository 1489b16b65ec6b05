"""PDFs whose fonts are not in the file, in encodings and scripts of all kinds."""

from __future__ import annotations

from collections.abc import Sequence

import pikepdf
from pikepdf import Dictionary, Name
from support.samples import saved

__all__ = ["cid_font", "page_in", "simple_font", "to_unicode"]

SIZE = (300, 200)


def page_in(
    font: Dictionary,
    codes: bytes,
    *,
    before: str = "",
    mapping: bytes = b"",
    size: tuple[float, float] = SIZE,
) -> bytes:
    """A PDF that shows ``codes`` in ``font``, 24 points high.

    Args:
        font: of this module; it is changed.
        codes: of the characters.
        before: operators that come first.
        mapping: the font's ToUnicode.
        size: of the page, in points.
    """
    document = pikepdf.new()
    if mapping:
        font.ToUnicode = document.make_stream(mapping)
    content = f"{before} BT /F1 24 Tf 20 100 Td <{codes.hex()}> Tj ET".encode()
    resources = Dictionary(Font=Dictionary(F1=font))
    page = Dictionary(
        Type=Name.Page, Resources=resources, Contents=document.make_stream(content), MediaBox=[0, 0, *size]
    )
    document.pages.append(pikepdf.Page(document.make_indirect(page)))
    return saved(document)


def simple_font(
    name: str, *, kind: str = "Type1", encoding: str | None = "WinAnsiEncoding", glyphs: Sequence[str] = ()
) -> Dictionary:
    """A font of one byte a character; ``glyphs`` are the names of those from code 1 on."""
    font = Dictionary(Type=Name.Font, Subtype=Name(f"/{kind}"), BaseFont=Name(f"/{name}"))
    if glyphs:
        differences = [1, *(Name(f"/{glyph}") for glyph in glyphs)]
        font.Encoding = Dictionary(Type=Name.Encoding, Differences=pikepdf.Array(differences))
    elif encoding:
        font.Encoding = Name(f"/{encoding}")
    return font


def cid_font(name: str, *, encoding: str = "Identity-H", ordering: str = "Identity") -> Dictionary:
    """A font of two bytes a character."""
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name(f"/{name}"),
        Flags=4,
        FontBBox=[0, -200, 1000, 900],
        ItalicAngle=0,
        Ascent=800,
        Descent=-200,
        CapHeight=700,
        StemV=80,
    )
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name(f"/{name}"),
        CIDSystemInfo=Dictionary(Registry="Adobe", Ordering=ordering, Supplement=2),
        FontDescriptor=descriptor,
        DW=1000,
    )
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name(f"/{name}"),
        Encoding=Name(f"/{encoding}"),
        DescendantFonts=pikepdf.Array([descendant]),
    )


def to_unicode(characters: str, first: int) -> bytes:
    """The ToUnicode map of codes of two bytes, from ``first`` on."""
    pairs = "\n".join(
        f"<{code:04x}> <{character.encode('utf-16-be').hex()}>"
        for code, character in enumerate(characters, first)
    )
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Own def /CMapType 2 def "
        f"1 begincodespacerange <0000> <ffff> endcodespacerange {len(characters)} beginbfchar\n{pairs}\n"
        "endbfchar endcmap end end"
    ).encode()
