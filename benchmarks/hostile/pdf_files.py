"""PDFs of a few hundred bytes that draw for ever, for the attacks and for the tests of the decoder."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pikepdf

__all__ = [
    "A4",
    "dashes",
    "form_tree",
    "operator_bomb",
    "page_tree",
    "picture_bomb",
    "recursive_form",
    "shading",
    "tiling",
]

Box = list[int]
"""``[x_min, y_min, x_max, y_max]`` in points."""

A4: Box = [0, 0, 595, 842]


def _saved(
    pdf: pikepdf.Pdf,
    operators: pikepdf.Object | bytes,
    page_box: Box = A4,
    **resources: dict[str, pikepdf.Object],
) -> bytes:
    """The document with one page that is drawn by ``operators``."""
    contents = pdf.make_stream(operators) if isinstance(operators, bytes) else operators
    by_kind: dict[str, Any] = {name: pikepdf.Dictionary(entries) for name, entries in resources.items()}
    page = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=page_box,
        Contents=contents,
        Resources=pikepdf.Dictionary(**by_kind),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    file = io.BytesIO()
    pdf.save(file)
    return file.getvalue()


def _form(pdf: pikepdf.Pdf, operators: bytes, box: Box, **entries: Any) -> pikepdf.Object:
    form = pdf.make_stream(operators)
    kind: dict[str, Any] = {"Type": pikepdf.Name.XObject, "Subtype": pikepdf.Name.Form, "BBox": box}
    form.stream_dict.update(pikepdf.Dictionary(**kind, **entries))
    return form


def recursive_form(times: int, page_box: Box = A4, *, form_box: Box | None = None) -> bytes:
    """A form that draws itself ``times`` times; as large as its page unless said otherwise."""
    pdf = pikepdf.new()
    form = _form(pdf, b"/F Do " * times, form_box or page_box)
    form.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=form))
    return _saved(pdf, b"/F Do", page_box, XObject={"/F": form})


def form_tree(depth: int, width: int, page_box: Box = A4, **entries: Any) -> bytes:
    """Forms that draw the next one ``width`` times each, ``depth`` levels deep."""
    pdf = pikepdf.new()
    form = _form(pdf, b"0 0 1 1 re f", page_box)
    for _ in range(depth):
        resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=form))
        form = _form(pdf, b"/F Do " * width, page_box, Resources=resources, **entries)
    return _saved(pdf, b"/F Do", page_box, XObject={"/F": form})


def tiling(step: float, page_box: Box = A4) -> bytes:
    """A pattern whose tiles lie closer than any pixel."""
    pdf = pikepdf.new()
    pattern = pdf.make_stream(b"0 0 1 1 re f")
    pattern.stream_dict.update(
        pikepdf.Dictionary(
            PatternType=1,
            PaintType=1,
            TilingType=1,
            BBox=page_box,
            XStep=step,
            YStep=step,
            Resources=pikepdf.Dictionary(),
        )
    )
    return _saved(pdf, b"/Pattern cs /P scn 0 0 9999 9999 re f", page_box, Pattern={"/P": pattern})


def operator_bomb(page_box: Box = A4) -> bytes:
    """A gigabyte of operators in a few kilobytes: compressed twice."""
    pdf = pikepdf.new()
    contents = pdf.make_stream(b"")
    packed = zlib.compress(zlib.compress(b"0 0 1 1 re f " * 20_000_000, 9), 9)
    contents.write(packed, filter=[pikepdf.Name.FlateDecode] * 2)
    return _saved(pdf, contents, page_box)


def picture_bomb(side: int) -> bytes:
    """A black picture of so many pixels a side, with a mask of the same size."""
    pdf = pikepdf.new()

    def picture(**entries: Any) -> pikepdf.Object:
        made = pdf.make_stream(b"")
        made.write(zlib.compress(bytes(side * side), 9), filter=pikepdf.Name.FlateDecode)
        gray = pikepdf.Name.DeviceGray
        kind: dict[str, Any] = {"Type": pikepdf.Name.XObject, "Subtype": pikepdf.Name.Image}
        size: dict[str, Any] = {"Width": side, "Height": side, "BitsPerComponent": 8, "ColorSpace": gray}
        made.stream_dict.update(pikepdf.Dictionary(**kind, **size, **entries))
        return made

    drawn = picture(SMask=picture())
    return _saved(pdf, b"595 0 0 842 0 0 cm /I Do", XObject={"/I": drawn})


def dashes() -> bytes:
    """Long lines in dashes of a thousandth of a point."""
    lines = b"".join(b"0 %d m 595 %d l S " % (y, y) for y in range(0, 842, 2))
    return _saved(pikepdf.new(), b"[0.0001 0.0001] 0 d 0.1 w " + lines)


def page_tree(pages: int) -> bytes:
    """A page tree that claims a million pages and has the same one again and again."""
    pdf = pikepdf.new()
    content = _saved(pdf, b"0 0 9 9 re f")
    pdf = pikepdf.open(io.BytesIO(content))
    kids = pdf.Root.Pages.Kids
    for _ in range(pages):
        kids.append(kids[0])
    pdf.Root.Pages.Count = pages + 1
    file = io.BytesIO()
    pdf.save(file)
    return file.getvalue()


def shading() -> bytes:
    """A thousand radial shadings over the whole page, each computed by a function."""
    pdf = pikepdf.new()
    function = pikepdf.Dictionary(FunctionType=2, Domain=[0, 1], C0=[1, 0, 0], C1=[0, 0, 1], N=1.5)
    radial = pikepdf.Dictionary(
        ShadingType=3,
        ColorSpace=pikepdf.Name.DeviceRGB,
        Coords=[300, 400, 0, 300, 400, 600],
        Function=function,
        Extend=[True, True],
    )
    return _saved(pdf, b"/S sh " * 1000, Shading={"/S": radial})
