"""Below which confidence is the page orientation classifier's guess no report: level -> wrong reports, recall.

Rendered pages, and real ones where they are at hand, each upright and turned by 90, 180 and 270 degrees. A guess below
the level counts as a report of 0 degrees, as the server takes it (``min_orientation_confidence``).
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.engine import OCREngine
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from PIL import Image

from benchmarks.evaluation.pages import SETS, page_paths
from benchmarks.harness import DETECTION_MODEL, RECOGNITION_MODEL, page_image

LEVELS = (0.0, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True)
class Guess:
    """What the classifier said of a page.

    Attributes:
        degrees: its guess.
        confidence: of the guess, 0 to 1.
        truth: degrees by which the page was turned, in the classifier's terms.
    """

    degrees: int
    confidence: float
    truth: int

    def reported(self, level: float) -> int:
        """Returns the degrees that are reported with this level."""
        return self.degrees if self.confidence >= level else 0


def rendered(count: int) -> Iterator[np.ndarray]:
    """Yields A4 pages of 1 to 28 lines, RGB."""
    for seed in range(count):
        yield np.asarray(page_image(seed, lines=random.Random(seed).randint(1, 28)))


def real(folder: Path) -> Iterator[np.ndarray]:
    """Yields the pages of a folder, RGB."""
    for path in page_paths(folder):
        yield np.asarray(Image.open(path).convert("RGB"))


def guesses(pages: Iterable[np.ndarray]) -> list[Guess]:
    """Returns what the classifier says of every page in its four directions."""
    settings = Settings(default_detection_model=DETECTION_MODEL, default_recognition_model=RECOGNITION_MODEL)
    engine, interrupt = OCREngine(settings), Interrupt()
    options = ReadingOptions.defaults(settings, detect_orientation=True)
    classifier = engine.predictor(
        options, engine.choose(options, interrupt), interrupt
    ).page_orientation_predictor
    assert classifier is not None and classifier.model is not None  # noqa: S101, PT018  # asked for above
    truths: list[int] = classifier.model.cfg["classes"]
    found = []
    for page in pages:
        _, degrees, confidences = classifier(
            [np.ascontiguousarray(np.rot90(page, turn)) for turn in range(4)]
        )
        found += [Guess(*guess) for guess in zip(degrees, confidences, truths, strict=True)]
    engine.close()
    return found


def row(found: list[Guess], level: float) -> dict[str, float]:
    """Returns shares, 0 to 1: of upright pages reported as turned, of turned ones reported as something else again.

    ``missed`` are turned pages reported as upright; ``recall`` is the share of turned pages reported right.
    """
    upright = [guess.reported(level) for guess in found if guess.truth == 0]
    turned = [(guess.reported(level), guess.truth) for guess in found if guess.truth != 0]
    return {
        "level": level,
        "upright_wrong": sum(degrees != 0 for degrees in upright) / len(upright),
        "turned_wrong": sum(degrees not in (0, truth) for degrees, truth in turned) / len(turned),
        "wrong": (
            sum(degrees != 0 for degrees in upright)
            + sum(degrees not in (0, truth) for degrees, truth in turned)
        )
        / len(found),
        "missed": sum(degrees == 0 for degrees, _ in turned) / len(turned),
        "recall": sum(degrees == truth for degrees, truth in turned) / len(turned),
    }


def main() -> None:
    """Prints a table per set of pages, and one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=250, help="rendered pages; each counts four times")
    parser.add_argument("--real-dir", type=Path, help="folder with receipts/ and forms/")
    arguments = parser.parse_args()
    sets = {"rendered": guesses(rendered(arguments.pages))}
    for name in SETS if arguments.real_dir else ():
        sets[name] = guesses(real(arguments.real_dir / name))
    tables = {name: [row(found, level) for level in LEVELS] for name, found in sets.items()}
    for name, table in tables.items():
        print(f"\n{name}: {len(sets[name])} pages")
        print("level  upright wrong  turned wrong   wrong  missed  recall")
        for values in table:
            print(
                f"{values['level']:5.2f}  {values['upright_wrong']:13.2%}  {values['turned_wrong']:12.2%}"
                f"  {values['wrong']:6.2%}  {values['missed']:6.2%}  {values['recall']:6.2%}"
            )
    print(json.dumps(tables))


if __name__ == "__main__":
    main()
