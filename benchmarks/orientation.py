"""Which way up is a page reported, and how often wrongly: level of ``min_orientation_confidence`` -> wrong, recall.

Rendered pages, and real ones where they are at hand, each upright and turned by 90, 180 and 270 degrees. Level 0 is
docTR's behaviour, the classifier's guess. On all others the server reads words of a page of whose direction the
classifier is not sure, and reports 0 degrees below the level.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.stages.orientation import page_orientation
from doctr_serve.inference.stages.page_predictor import PagePredictor
from doctr_serve.inference.stages.reading_direction import SURE_CONFIDENCE, checked_guess
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from PIL import Image

from benchmarks.evaluation.pages import SETS, page_paths
from benchmarks.harness import DETECTION_MODEL, RECOGNITION_MODEL, page_image

LEVELS = (0.0, 0.3, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, SURE_CONFIDENCE)
NO_TEXT = np.zeros((64, 64, 1), np.uint8)
"""A map of text without any: no skew is added to the direction."""


@dataclass(frozen=True)
class Report:
    """What is said of a page.

    Attributes:
        degrees: what is reported, by level.
        truth: degrees by which the page was turned, in the classifier's terms.
        second_look_s: seconds for which words were read; 0 where the classifier was sure.
    """

    degrees: dict[float, int]
    truth: int
    second_look_s: float


class RememberedReading:
    """A predictor's recogniser that reads once: on every level the same crops of a page are read.

    Attributes:
        seconds: for which it read.
    """

    def __init__(self, predictor: PagePredictor) -> None:
        self._read = predictor.reco_predictor
        self._words: list[tuple[str, float]] | None = None
        self.seconds = 0.0

    def __call__(self, crops: Iterable[np.ndarray]) -> list[tuple[str, float]]:
        """Returns text and confidence of each crop of the first call."""
        if self._words is None:
            start = time.perf_counter()
            self._words = self._read(crops)
            self.seconds = time.perf_counter() - start
        return self._words


def rendered(count: int) -> Iterator[np.ndarray]:
    """Yields A4 pages of 1 to 28 lines, RGB."""
    for seed in range(count):
        yield np.asarray(page_image(seed, lines=random.Random(seed).randint(1, 28)))


def real(folder: Path) -> Iterator[np.ndarray]:
    """Yields the pages of a folder, RGB."""
    for path in page_paths(folder):
        yield np.asarray(Image.open(path).convert("RGB"))


def reports(pages: Iterable[np.ndarray]) -> list[Report]:
    """Returns what is said of every page in its four directions."""
    settings = Settings(default_detection_model=DETECTION_MODEL, default_recognition_model=RECOGNITION_MODEL)
    engine, interrupt = OCREngine(settings), Interrupt()
    options = ReadingOptions.defaults(settings, detect_orientation=True)
    predictor = engine.predictor(options, engine.choose(options, interrupt), interrupt)
    classifier = predictor.page_orientation_predictor
    assert classifier is not None and classifier.model is not None  # noqa: S101, PT018  # asked for above
    truths: list[int] = classifier.model.cfg["classes"]
    found = []
    for page in pages:
        turned = [np.ascontiguousarray(np.rot90(page, turn)) for turn in range(4)]
        _, degrees, confidences = classifier(turned)
        found += [
            report(predictor, image, guess, truth)
            for image, guess, truth in zip(
                turned, zip(degrees, confidences, strict=True), truths, strict=True
            )
        ]
    engine.close()
    return found


def report(predictor: PagePredictor, image: np.ndarray, guess: tuple[int, float], truth: int) -> Report:
    """Returns what is said of one page; its words are looked for only where the classifier is not sure."""
    if guess[1] >= SURE_CONFIDENCE:
        return Report(dict.fromkeys(LEVELS, guess[0]), truth, 0.0)
    (words,) = predictor.det_predictor([image])[0].values()
    reading, degrees = RememberedReading(predictor), {}
    for level in LEVELS:
        checked = checked_guess(guess, image, words, reading, min_confidence=level)
        degrees[level], _ = page_orientation(NO_TEXT, checked, has_words=len(words) > 0, min_confidence=level)
    return Report(degrees, truth, reading.seconds)


def row(found: list[Report], level: float) -> dict[str, float]:
    """Returns shares, 0 to 1: of upright pages reported as turned, of turned ones reported as something else again.

    ``missed`` are turned pages reported as upright; ``recall`` is the share of turned pages reported right.
    """
    upright = [report.degrees[level] for report in found if report.truth == 0]
    turned = [(report.degrees[level], report.truth) for report in found if report.truth != 0]
    upright_wrong = sum(degrees != 0 for degrees in upright)
    turned_wrong = sum(degrees not in (0, truth) for degrees, truth in turned)
    return {
        "level": level,
        "upright_wrong": upright_wrong / len(upright),
        "turned_wrong": turned_wrong / len(turned),
        "wrong": (upright_wrong + turned_wrong) / len(found),
        "missed": sum(degrees == 0 for degrees, _ in turned) / len(turned),
        "recall": sum(degrees == truth for degrees, truth in turned) / len(turned),
    }


def second_looks(found: list[Report]) -> dict[str, float]:
    """Returns the share of pages whose words were read, 0 to 1, and the median of the milliseconds."""
    seconds = [report.second_look_s for report in found if report.second_look_s]
    return {
        "share": len(seconds) / len(found),
        "median_ms": 1000 * float(np.median(seconds)) if seconds else 0.0,
    }


def print_table(name: str, found: list[Report]) -> None:
    """Prints a set's row of every level, at once: a set takes minutes."""
    looks = second_looks(found)
    print(
        f"\n{name}: {len(found)} pages, words read of {looks['share']:.0%}, {looks['median_ms']:.0f} ms each"
    )
    print("level  upright wrong  turned wrong   wrong  missed   recall")
    for values in (row(found, level) for level in LEVELS):
        print(
            f"{values['level']:5.2f}  {values['upright_wrong']:13.2%}  {values['turned_wrong']:12.2%}"
            f"  {values['wrong']:6.2%}  {values['missed']:6.2%}  {values['recall']:7.2%}"
        )
    sys.stdout.flush()


def main() -> None:
    """Prints a table per set of pages, one of all, and one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=250, help="rendered pages; each counts four times")
    parser.add_argument("--real-dir", type=Path, help="folder with receipts/ and forms/")
    arguments = parser.parse_args()
    pages = {"rendered": rendered(arguments.pages)}
    for name in SETS if arguments.real_dir else ():
        pages[name] = real(arguments.real_dir / name)
    sets: dict[str, list[Report]] = {}
    for name, images in pages.items():
        sets[name] = reports(images)
        print_table(name, sets[name])
    sets["all"] = [report for found in sets.values() for report in found]
    print_table("all", sets["all"])
    print(
        json.dumps(
            {
                name: {"levels": [row(found, level) for level in LEVELS], "second_look": second_looks(found)}
                for name, found in sets.items()
            }
        )
    )


if __name__ == "__main__":
    main()
