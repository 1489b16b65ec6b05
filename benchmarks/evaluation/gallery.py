"""The worst pages as pictures: what was read right, what was made up, where something was missed."""

from __future__ import annotations

import base64
import html
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from doctr_serve.v1 import ocr_pb2
from PIL import Image, ImageDraw

from .pages import load_regions
from .readers import entry_lines
from .scoring import key, missed_and_false

__all__ = ["Case", "write_gallery"]

_RIGHT, _FALSE, _MISSED = (0, 150, 60), (220, 30, 30), (40, 80, 255)
_LONGEST = 1300  # pixels of a picture's longer side
_STYLE = (
    "body{font:14px sans-serif;margin:2em}img{max-width:100%}code{background:#eee;padding:0 3px;margin:2px}"
)


@dataclass(frozen=True)
class Case:
    """A page that was read: the picture, the service's result and the page's F1."""

    picture: Path
    result: ocr_pb2.PageResult
    f1: float


def _take(words: Counter[str], word: str) -> bool:
    if words[word] > 0:
        words[word] -= 1
        return True
    return False


def draw_case(case: Case, missed: Counter[str], false: Counter[str]) -> Image.Image:
    """Returns the page with boxes: green read right, red made up or misread, blue where a word was missed."""
    missed, false = missed.copy(), false.copy()
    with Image.open(case.picture) as source:
        image = source.convert("RGB")
    draw = ImageDraw.Draw(image)
    for region in load_regions(case.picture):
        if any([_take(missed, key(word)) for word in region.text.split() if key(word)]):
            draw.rectangle(region.box, outline=_MISSED, width=2)
    for word in (w for p in case.result.pages for b in p.blocks for line in b.lines for w in line.words):
        x0, y0, x1, y1 = word.geometry
        box = x0 * image.width, y0 * image.height, x1 * image.width, y1 * image.height
        wrong = bool(key(word.value)) and _take(false, key(word.value))
        draw.rectangle(box, outline=_FALSE if wrong else _RIGHT, width=1)
        if wrong:
            draw.text(
                (box[0], max(0, box[1] - 11)),
                word.value.encode("latin-1", "replace").decode("latin-1"),
                _FALSE,
            )
    image.thumbnail((_LONGEST, _LONGEST))
    return image


def _section(case: Case) -> str:
    truth = case.picture.with_suffix(".txt").read_text(encoding="utf-8")
    missed, false = missed_and_false(truth, entry_lines(case.result))
    file = io.BytesIO()
    draw_case(case, missed, false).save(file, "JPEG", quality=80)
    picture = base64.b64encode(file.getvalue()).decode()

    def listed(words: Counter[str]) -> str:
        return " ".join(
            f"<code>{html.escape(w)}{f' x{n}' if n > 1 else ''}</code>" for w, n in sorted(words.items())
        )

    return (
        f"<h2>{html.escape(case.picture.stem)}: F1 {case.f1:.3f}</h2><p>missed: {listed(missed)}</p>"
        f'<p>false: {listed(false)}</p><img alt="" src="data:image/jpeg;base64,{picture}">'
    )


def write_gallery(path: Path, title: str, cases: Sequence[Case]) -> None:
    """Writes one page of HTML, pictures included."""
    legend = "green: read right; red: misread or made up (with what was read); blue: a word there was missed"
    body = "".join(_section(case) for case in cases)
    text = f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    path.write_text(f"{text}<h1>{title}</h1><p>{legend}</p>{body}", encoding="utf-8")
