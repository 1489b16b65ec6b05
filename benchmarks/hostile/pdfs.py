"""PDFs of a few hundred bytes that draw for ever."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pikepdf

from benchmarks.hostile.attack import Run, Target, attack
from benchmarks.hostile.calls import document, reads

A4 = [0, 0, 595, 842]
Made = Callable[[], bytes]


def _saved(
    pdf: pikepdf.Pdf, operators: pikepdf.Object | bytes, **resources: dict[str, pikepdf.Object]
) -> bytes:
    """The document with one page that is drawn by ``operators``."""
    contents = pdf.make_stream(operators) if isinstance(operators, bytes) else operators
    by_kind: dict[str, Any] = {name: pikepdf.Dictionary(entries) for name, entries in resources.items()}
    page = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=A4,
        Contents=contents,
        Resources=pikepdf.Dictionary(**by_kind),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    file = io.BytesIO()
    pdf.save(file)
    return file.getvalue()


def _form(pdf: pikepdf.Pdf, operators: bytes, **entries: Any) -> pikepdf.Object:
    form = pdf.make_stream(operators)
    kind: dict[str, Any] = {"Type": pikepdf.Name.XObject, "Subtype": pikepdf.Name.Form, "BBox": A4}
    form.stream_dict.update(pikepdf.Dictionary(**kind, **entries))
    return form


def recursive_form(times: int) -> bytes:
    """A form that draws itself."""
    pdf = pikepdf.new()
    form = _form(pdf, b"/F Do " * times)
    form.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=form))
    return _saved(pdf, b"/F Do", XObject={"/F": form})


def form_tree(depth: int, width: int, **entries: Any) -> bytes:
    """Forms that draw the next one ``width`` times each."""
    pdf = pikepdf.new()
    form = _form(pdf, b"0 0 1 1 re f")
    for _ in range(depth):
        resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=form))
        form = _form(pdf, b"/F Do " * width, Resources=resources, **entries)
    return _saved(pdf, b"/F Do", XObject={"/F": form})


def tiling(step: float) -> bytes:
    """A pattern whose tiles lie closer than any pixel."""
    pdf = pikepdf.new()
    pattern = pdf.make_stream(b"0 0 1 1 re f")
    pattern.stream_dict.update(
        pikepdf.Dictionary(
            PatternType=1,
            PaintType=1,
            TilingType=1,
            BBox=A4,
            XStep=step,
            YStep=step,
            Resources=pikepdf.Dictionary(),
        )
    )
    return _saved(pdf, b"/Pattern cs /P scn 0 0 9999 9999 re f", Pattern={"/P": pattern})


def operator_bomb() -> bytes:
    """A gigabyte of operators in a few kilobytes: compressed twice."""
    pdf = pikepdf.new()
    contents = pdf.make_stream(b"")
    packed = zlib.compress(zlib.compress(b"0 0 1 1 re f " * 20_000_000, 9), 9)
    contents.write(packed, filter=[pikepdf.Name.FlateDecode] * 2)
    return _saved(pdf, contents)


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


GROUP = pikepdf.Dictionary(Type=pikepdf.Name.Group, S=pikepdf.Name.Transparency, I=True, K=True)

GENERATED: dict[str, tuple[str, Made]] = {
    "pdf-recursive-form": ("a form that draws itself three times", partial(recursive_form, 3)),
    "pdf-form-tree": ("forms that draw each other, 4 to the power of 30", partial(form_tree, 30, 4)),
    "pdf-groups": (
        "transparency groups within each other, 3 to the power of 25",
        partial(form_tree, 25, 3, Group=GROUP),
    ),
    "pdf-tiling": ("a pattern with steps of 0.00001 points", partial(tiling, 0.00001)),
    "pdf-operators": ("a gigabyte of operators, compressed twice", operator_bomb),
    "pdf-picture": ("a picture of 20,000 x 20,000 pixels with a mask", partial(picture_bomb, 20_000)),
    "pdf-dashes": ("long lines in dashes of 0.0001 points", dashes),
    "pdf-page-tree": ("a tree that has one page 200,000 times", partial(page_tree, 200_000)),
    "pdf-shading": ("a thousand shadings over the page", shading),
}


def _register(name: str, what: str, make: Made) -> None:
    def prepare(target: Target) -> Run:
        return reads(target, document(f"{name}.pdf", make()))

    prepare.__doc__ = f"PDF: {what}."
    attack(name)(prepare)


for _name, (_what, _make) in GENERATED.items():
    _register(_name, _what, _make)


@attack("pdf-case-form")
def _case_form(target: Target) -> Run:
    """PDF: the reported recursive form."""
    return reads(target, document("form.pdf", target.case("pdfrecform.pdf")))


@attack("pdf-case-tiling")
def _case_tiling(target: Target) -> Run:
    """PDF: the reported pattern."""
    return reads(target, document("tiling.pdf", target.case("pdftiling.pdf")))
