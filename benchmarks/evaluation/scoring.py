"""Scores by the data's own program, and which words were missed or made up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Score", "key", "missed_and_false", "score"]


@dataclass(frozen=True)
class Score:
    """Word precision, recall and F1 of a set of pages (``alnum`` of score.py), and the F1 of each page."""

    precision: float
    recall: float
    f1: float
    by_page: Mapping[str, float]


def score(program: Path, truth: Path, texts: Mapping[str, str], folder: Path) -> Score:
    """Writes predictions to a folder and scores them with score.py.

    Args:
        program: score.py.
        truth: the folder of the truth's .txt files.
        texts: text by page name; pages of the truth that it lacks are left out.
        folder: where predictions go.

    Returns:
        The score.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    rows = folder / "pages.jsonl"
    command = [sys.executable, str(program), str(truth), str(folder), "--no-edit", "--per-page", str(rows)]
    done = subprocess.run([*command, "--ids", ",".join(texts)], capture_output=True, text=True, check=True)
    alnum = json.loads(done.stdout)["alnum"]
    pages = [json.loads(line) for line in rows.read_text().splitlines()]
    return Score(alnum["p"], alnum["r"], alnum["f1"], {row["id"]: row["alnum"] for row in pages})


def key(word: str) -> str:
    """Returns a word as ``alnum`` compares it."""
    return "".join(c for c in word.lower() if c.isalnum())


def missed_and_false(truth: str, text: str) -> tuple[Counter[str], Counter[str]]:
    """Returns the words of the truth that were not read, and those read that are not in the truth."""
    wanted = Counter(filter(None, map(key, truth.split())))
    found = Counter(filter(None, map(key, text.split())))
    return wanted - found, found - wanted
