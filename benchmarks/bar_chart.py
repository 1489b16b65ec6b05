"""Bars as SVG: one row for each reader, one panel for each set of pages; readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["bar_chart"]

NAMES_WIDTH, PANEL_WIDTH, VALUE_WIDTH, ROW_HEIGHT, BAR_HEIGHT, TOP, MARGIN = 190, 210, 44, 28, 18, 74, 16

STYLE = """
    text{fill:#1f2328} .quiet{fill:#59636e;font-size:12px} .title{font-weight:bold;font-size:15px}
    .ground{fill:#ffffff} .own{fill:#1f6feb} .other{fill:#9aa4b0}
    @media (prefers-color-scheme:dark){
      text{fill:#e6edf3} .quiet{fill:#9198a1} .ground{fill:#0d1117} .own{fill:#4493f8} .other{fill:#656c76}
    }
  """


def bar_chart(
    title: str,
    note: str,
    panels: Mapping[str, Mapping[str, float]],
    *,
    own: Sequence[str],
) -> str:
    """Returns an SVG document.

    Args:
        title: of the whole.
        note: a line below it.
        panels: by the panel's name, values from 0 by the row's name; each panel has a scale of its own. The rows are
            those of the first panel; a value that another has not is left out.
        own: names of the rows that stand out.
    """
    rows = list(next(iter(panels.values())))
    width = 2 * MARGIN + NAMES_WIDTH + len(panels) * PANEL_WIDTH
    height = TOP + len(rows) * ROW_HEIGHT + MARGIN
    parts = [
        f'<text class="title" x="{MARGIN}" y="26">{escape(title)}</text>',
        f'<text class="quiet" x="{MARGIN}" y="46">{escape(note)}</text>',
    ]
    for number, name in enumerate(rows):
        y = _middle(number)
        parts.append(
            f'<text x="{MARGIN + NAMES_WIDTH - 10}" y="{y + 5}" text-anchor="end">{escape(name)}</text>'
        )
    for column, (name, values) in enumerate(panels.items()):
        parts += _panel(name, values, rows, own, MARGIN + NAMES_WIDTH + column * PANEL_WIDTH)
    body = "\n  ".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13">\n'
        f"  <title>{escape(title)}</title>\n  <style>{STYLE}</style>\n"
        f'  <rect class="ground" width="{width}" height="{height}" rx="8"/>\n  {body}\n</svg>\n'
    )


def _panel(
    name: str, values: Mapping[str, float], rows: Sequence[str], own: Sequence[str], left: int
) -> list[str]:
    longest = PANEL_WIDTH - VALUE_WIDTH
    largest = max(values.values())
    parts = [f'<text class="quiet" x="{left}" y="{TOP - 8}">{escape(name)}</text>']
    for number, row in enumerate(rows):
        if row not in values:
            continue
        length = round(longest * values[row] / largest, 1)
        y = _middle(number)
        kind = "own" if row in own else "other"
        parts += [
            f'<rect class="{kind}" x="{left}" y="{y - BAR_HEIGHT // 2}" width="{length}" '
            f'height="{BAR_HEIGHT}" rx="2"/>',
            f'<text x="{left + length + 6:.1f}" y="{y + 5}">{values[row]:.2f}</text>',
        ]
    return parts


def _middle(row: int) -> int:
    return TOP + row * ROW_HEIGHT + ROW_HEIGHT // 2
