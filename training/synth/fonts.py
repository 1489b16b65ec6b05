"""Find installed fonts, learn which characters each face can draw, and pick faces by weight.

The first call scans the font folders and writes a small cache; delete the cache after installing fonts.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import json
import os
import random
import re
import string
from dataclasses import dataclass
from pathlib import Path

from doctr.datasets import VOCABS
from PIL import ImageFont

VOCAB: str = VOCABS["french"]
FONT_DIRS = ("/usr/share/fonts", "/usr/share/texmf/fonts/opentype", "/usr/local/share/fonts")
NEEDED = frozenset(string.ascii_letters + string.digits + ".,:-/()&%*")
_SLANTED = re.compile(r"italic|oblique|slant|[-_ ](bi|i|it|o)\.|-it\b|obl", re.I)
PROBE_SIZES = (8, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 26, 28, 32, 36, 48)

_SKIP = re.compile(
    r"thin|hairline|ultralight|extralight|extlight|math|symbol|emoji|icon|dunhill|caps10|quot|extended|"
    r"expanded|wide|barcode|key(board|font)|initials|outline|funny|fibonacci|smallcaps|d050000|monoisome|"
    r"fontz|inter display|upright",
    re.I,
)
_NOTO = re.compile(
    r"^noto (sans|serif)( (display|mono|condensed|semicondensed|extracondensed))?$|^noto mono$", re.I
)

# (kind, weight of each matching family, pattern over the family name); the first match wins.
_KINDS: tuple[tuple[str, float, str], ...] = (
    (
        "receipt",
        5.0,
        r"ocr-?[ab]|3270|terminus|dot ?gothic|spleen|glass ?tty|proggy|monofur|league mono|leaguemono",
    ),
    ("narrow", 4.0, r"narrow|cond|heroscn|bebas|yanone|dosis|din\b|roadgeek|opendin"),
    (
        "mono",
        3.0,
        r"mono|courier|cursor|typewriter|typist|typo\b|inconsolata|hack|cousine|agave|hermit|fira ?code",
    ),
    ("script", 0.15, r"chorus|chancery|z003|comfortaa|fell|universalis"),
    (
        "common",
        6.0,
        r"liberation sans|arimo|nimbus sans|texgyreheros|tex gyre heros|freesans|dejavu sans|verdana",
    ),
    (
        "common",
        5.0,
        r"roboto|open sans|noto sans|carlito|helvet|liberation serif|tinos|nimbus roman|termes|freeserif",
    ),
    (
        "serif",
        1.5,
        r"serif|roman|libertine|charis|doulos|gentium|stix|old ?standard|vollkorn|garamond|p052|c059|bookman",
    ),
    ("serif", 1.5, r"junicode|pagella|schola|bonum|caladea|yrsa|rasa|quattrocento"),
)


@dataclass(frozen=True, eq=False)
class Face:
    """One font face: where it lies, its family and kind, and what it can draw."""

    path: str
    family: str
    kind: str
    weight: float
    chars: frozenset[str]
    sizes: tuple[int, ...] = ()  # bitmap fonts exist in these sizes only; empty for scalable ones

    def clean(self, text: str) -> str:
        """Return the text without the characters this face cannot draw."""
        return "".join(c for c in text if c in self.chars or c == " ")


def _classify(family: str, name: str) -> tuple[str, float]:
    for kind, weight, pattern in _KINDS:
        if re.search(pattern, f"{family} {name}", re.I):
            return kind, weight
    return "other", 1.5


def _loads(path: str, size: int) -> bool:
    try:
        return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC).getlength("Ag0") > 0
    except (OSError, ValueError):
        return False


def _probe(path: Path) -> dict[str, object] | None:
    """Describe one font file, or return None if it is of no use here."""
    from fontTools.ttLib import TTFont  # here, since only a first look at the fonts needs it

    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            names, cmap = font["name"], font.getBestCmap() or {}
            family = names.getBestFamilyName() or path.stem
    except Exception:  # a broken font file must not stop the scan
        return None
    if _SKIP.search(f"{path.stem} {family}") or (
        family.lower().startswith("noto") and not _NOTO.match(family)
    ):
        return None
    chars = "".join(c for c in VOCAB if ord(c) in cmap)
    if not set(chars) >= NEEDED:
        return None
    scalable = all(_loads(str(path), s) for s in (19, 25, 30))
    sizes = [] if scalable else [s for s in PROBE_SIZES if _loads(str(path), s)]
    if not scalable and not sizes:
        return None
    kind, weight = _classify(family, path.stem)
    return dict(path=str(path), family=family, kind=kind, weight=weight, chars=chars, sizes=sizes)


def _scan() -> list[dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for root in FONT_DIRS:
        for path in sorted(Path(root).rglob("*.[ot]t[fb]")):
            if path.stem not in found and (entry := _probe(path)):
                found[path.stem] = entry
    return list(found.values())


def cache_file() -> Path:
    """Return where the scan's result is kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "doctr-serve-training" / "faces.json"


@functools.cache
def load_faces() -> tuple[Face, ...]:
    """Return all usable faces, from the cache if there is one."""
    cache = cache_file()
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(_scan()))
        part.replace(cache)
    rows = json.loads(cache.read_text())
    if not rows:
        raise RuntimeError("no usable fonts: install the packages of training/packages.txt")
    return tuple(Face(**{**r, "chars": frozenset(r["chars"]), "sizes": tuple(r["sizes"])}) for r in rows)


@functools.cache
def _table(kinds: tuple[str, ...]) -> tuple[list[list[Face]], list[float]]:
    families: dict[str, list[Face]] = {}
    for face in load_faces():
        if not kinds or face.kind in kinds:
            families.setdefault(face.family, []).append(face)
    groups = list(families.values())
    return groups, list(itertools.accumulate(g[0].weight for g in groups))


def pick_face(rng: random.Random, *kinds: str) -> Face:
    """Pick a family by weight, then one of its faces; only of the kinds (receipt, mono, …) if any are given."""
    groups, sums = _table(kinds)
    group = groups[min(bisect.bisect(sums, rng.random() * sums[-1]), len(groups) - 1)]
    face = rng.choice(group)
    if (
        _SLANTED.search(face.path) and rng.random() < 0.7
    ):  # families hold as many slanted faces as upright ones
        face = rng.choice(group)
    return face


@functools.lru_cache(maxsize=2048)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def get_font(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """Return the face at a pixel size (the nearest that a bitmap font has), from a bounded cache."""
    if face.sizes:
        size = min(face.sizes, key=lambda s: abs(s - size))
    return _font(face.path, size)
