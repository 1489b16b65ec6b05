"""Attacks by PDFs of a few hundred bytes that draw for ever."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pikepdf

from benchmarks.hostile.attack import Run, Target, attack
from benchmarks.hostile.calls import document, reads
from benchmarks.hostile.pdf_files import (
    dashes,
    form_tree,
    operator_bomb,
    page_tree,
    picture_bomb,
    recursive_form,
    shading,
    tiling,
)

Made = Callable[[], bytes]

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
