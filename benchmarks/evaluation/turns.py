"""What turning pages costs: quarter turns with orientation asked for, and twenty degrees without straight boxes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .pages import turned_copies
from .readers import entry_lines, read_pages

if TYPE_CHECKING:
    from .__main__ import Evaluation

__all__ = ["measure_turns"]

# Degrees clockwise -> what the service calls them.
_QUARTERS = {90: 90, 180: 180, 270: -90}
_SKEW = 20
# Scans lie a degree or two askew themselves, and docTR adds the skew it sees to the turn.
_OWN_SKEW = 5


def _off(found: int, angle: int) -> int:
    """Returns how many degrees lie between two directions."""
    return abs((found - angle + 180) % 360 - 180)


def measure_turns(run: Evaluation, name: str, pictures: Sequence[Path], upright: float) -> dict[str, str]:
    """Reads turned copies of the pages.

    Args:
        run: the evaluation, for its client, options and scores.
        name: the set's name.
        pictures: the upright pages.
        upright: their F1.

    Returns:
        For each turn how many angles were right (but for the scan's own skew) and the F1 as a share of the upright
        pages'.
    """
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for degrees, angle in _QUARTERS.items():
            copies = turned_copies(pictures, degrees, Path(folder, str(degrees)))
            options = {"detect_orientation": True, "straighten_pages": True, **run.options}
            results = read_pages(run.client, copies, label=f"{name} turned {degrees}", **options)
            right = sum(_off(r.orientation.value, angle) <= _OWN_SKEW for r in results.values())
            f1 = run.score(name, {n: entry_lines(r) for n, r in results.items()}, f"turned-{degrees}").f1
            rows[f"turned {degrees}: angle, F1"] = f"{right}/{len(copies)}, {f1 / max(upright, 1e-9):.1%}"
        copies = turned_copies(pictures, _SKEW, Path(folder, "skew"))
        options = {"assume_straight_pages": False, **run.options}
        results = read_pages(run.client, copies, label=f"{name} turned {_SKEW}", **options)
        f1 = run.score(name, {n: entry_lines(r) for n, r in results.items()}, f"turned-{_SKEW}").f1
        rows[f"turned {_SKEW}: F1"] = f"{f1 / max(upright, 1e-9):.1%}"
    return rows
