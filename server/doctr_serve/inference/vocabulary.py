"""What a model's characters are called: by docTR, and their scripts by Unicode."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from doctr.datasets import VOCABS
from fontTools import unicodedata

__all__ = ["Vocabulary", "vocabulary_of"]

OF_NO_SCRIPT = frozenset({"Common", "Inherited", "Unknown"})
"""Values of the property Script that name none (Unicode Standard Annex 24)."""


@dataclass(frozen=True)
class Vocabulary:
    """The characters that a model reads.

    Attributes:
        name: docTR's name of them, the first of several; empty where it has none.
        size: how many there are.
        scripts: Unicode's names of their scripts, that of the most characters first.
    """

    name: str
    size: int
    scripts: tuple[str, ...]


@lru_cache(maxsize=64)
def vocabulary_of(characters: str) -> Vocabulary:
    """Returns what these characters are called."""
    known = frozenset(characters)
    counts = Counter(unicodedata.script_name(unicodedata.script(character)) for character in known)
    scripts = sorted(counts.keys() - OF_NO_SCRIPT, key=lambda script: (-counts[script], script))
    return Vocabulary(_name_of(known), len(known), tuple(scripts))


def _name_of(characters: frozenset[str]) -> str:
    return next((name for name, others in VOCABS.items() if frozenset(others) == characters), "")
