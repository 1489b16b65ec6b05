"""Where a page's processor time goes: milliseconds of each stage, with each runtime, in this process.

A stage's time is its own: while one stage waits for another, as a recogniser's batch does for its crops, the clock is
the other one's. The times are of all the process's threads, so that a forward on two cores counts twice.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.native_memory import bound_native_memory
from doctr_serve.decoder.pixels import rgb_bands
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.stages.page_predictor import PagePredictor
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from PIL import Image

from benchmarks.evaluation.pages import SETS, page_paths
from benchmarks.harness import DETECTION_MODEL, RECOGNITION_MODEL, page_jpeg

FORWARDS = ("detection forward", "recognition forward")
STAGES = (
    "decode",
    "page pre-processing",
    "detection forward",
    "detection post-processing",
    "crops",
    "recognition pre-processing",
    "recognition forward",
    "recognition decoding",
    "builder",
    "rest",
)
BARS = {"openvino": 0.2}
"""Largest share of a page's time for everything but the forwards; torch's are so slow that theirs says nothing."""


class StageClock:
    """Adds up the process's CPU time by stage; the innermost stage has it.

    Attributes:
        seconds: by stage.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._stages = ["rest"]
        self._since = time.process_time()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What runs inside is the stage's, but for what runs inside another one there."""
        self._charge()
        self._stages.append(name)
        try:
            yield
        finally:
            self._charge()
            self._stages.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the function as a stage."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return call

    def timed_iterator(self, name: str, function: Callable[..., Iterator[Any]]) -> Callable[..., Any]:
        """Returns the function with every step of its iterator as a stage."""

        def call(*args: Any, **kwargs: Any) -> Iterator[Any]:
            items = iter(function(*args, **kwargs))
            while True:
                with self.stage(name):
                    item = next(items, None)
                if item is None:
                    return
                yield item

        return call

    def restart(self) -> None:
        """Forgets what was added up."""
        self._charge()
        self.seconds.clear()

    def _charge(self) -> None:
        now = time.process_time()
        self.seconds[self._stages[-1]] += now - self._since
        self._since = now


def watch(predictor: PagePredictor, clock: StageClock) -> None:
    """Puts the clock on a predictor's stages."""
    detection, recognition = predictor.det_predictor, predictor.reco_predictor
    for stage, part in (("page", detection), ("recognition", recognition)):
        preprocessor = part.pre_processor
        preprocessor.batches = clock.timed_iterator(f"{stage} pre-processing", preprocessor.batches)
    for stage, part in (("detection", detection), ("recognition", recognition)):
        part.model._forwards = clock.timed(f"{stage} forward", part.model._forwards)
    detection.model.postprocessor = clock.timed("detection post-processing", detection.model.postprocessor)
    recognition.model.postprocessor = clock.timed("recognition decoding", recognition.model.postprocessor)
    # Set past torch's Module, which takes functions for no attributes of its own.
    for attribute, wrapped in (
        # Group by group: the clock is a system call, and crop by crop it would cost as much as they do.
        ("_prepare_crops", clock.timed("crops", predictor._prepare_crops)),
        ("_rectify_crops", clock.timed("crops", predictor._rectify_crops)),
        ("doc_builder", clock.timed("builder", predictor.doc_builder)),
    ):
        object.__setattr__(predictor, attribute, wrapped)


def profile(runtime: str, files: list[bytes], arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the median over the pages of each stage's milliseconds, and the words of a page on average."""
    settings = Settings.model_validate(
        {
            "default_detection_model": DETECTION_MODEL,
            "default_recognition_model": RECOGNITION_MODEL,
            "intra_op_threads": arguments.threads,
            "runtime": runtime,
        }
    )
    engine, interrupt, clock = OCREngine(settings), Interrupt(), StageClock()
    engine.warm()
    options = ReadingOptions.defaults(settings, assume_straight_pages=not arguments.turned)
    predictor = engine.predictor(options, engine.choose(options, interrupt), interrupt)
    watch(predictor, clock)
    words, pages = [], []
    for file in files:
        rounds = []
        for _ in range(arguments.rounds):
            clock.restart()
            words.append(read(file, predictor, clock))
            rounds.append([clock.seconds[stage] for stage in STAGES])
        pages.append(np.median(rounds, axis=0))
    engine.close()
    stages_ms = dict(zip(STAGES, (1000 * np.mean(pages, axis=0)).round(2).tolist(), strict=True))
    total_ms = sum(stages_ms.values())
    share = 1 - sum(stages_ms[stage] for stage in FORWARDS) / total_ms
    return {
        "stages_ms": stages_ms,
        "total_ms": round(total_ms, 1),
        "share_without_forwards": round(share, 3),
        "words_per_page": round(float(np.mean(words)), 1),
    }


def read(file: bytes, predictor: PagePredictor, clock: StageClock) -> int:
    """Reads one page, decoding included, and returns the number of its words."""
    with clock.stage("decode"):
        image = Image.open(io.BytesIO(file))
        height, width = image.height, image.width
        pixels = np.frombuffer(bytearray().join(rgb_bands(image)), np.uint8).reshape(height, width, 3)
    (page,) = predictor.detect([pixels])
    document = predictor.recognise(page)
    return sum(len(line.words) for block in document.blocks for line in block.lines)


def print_table(results: dict[str, dict[str, Any]]) -> None:
    """Prints a row for each stage, a column for each runtime."""
    print(f"\n{'ms of CPU a page':28}" + "".join(f"{runtime:>12}" for runtime in results))
    for stage in STAGES:
        print(f"{stage:28}" + "".join(f"{result['stages_ms'][stage]:12.1f}" for result in results.values()))
    print(f"{'together':28}" + "".join(f"{result['total_ms']:12.1f}" for result in results.values()))
    shares = "".join(f"{result['share_without_forwards']:12.0%}" for result in results.values())
    print(f"{'all but the forwards':28}{shares}")


def main() -> int:
    """Prints one JSON object and a table; status 1 when a bar is missed."""
    bound_native_memory()  # as the server does
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=6, help="pages; of real ones, of each set")
    parser.add_argument(
        "--rounds", type=int, default=5, help="readings of a page, of which the median counts"
    )
    parser.add_argument("--threads", type=int, default=1, help="intra_op_threads")
    parser.add_argument("--runtimes", nargs="+", default=["torch", "openvino"])
    parser.add_argument("--turned", action="store_true", help="with assume_straight_pages off")
    parser.add_argument(
        "--real-dir", type=Path, help="folder with receipts/ and forms/, instead of rendered pages"
    )
    arguments = parser.parse_args()
    if arguments.real_dir:
        folders = [arguments.real_dir / name for name in SETS]
        files = [path.read_bytes() for folder in folders for path in page_paths(folder, arguments.pages)]
    else:
        files = [page_jpeg(seed) for seed in range(arguments.pages)]
    results = {runtime: profile(runtime, files, arguments) for runtime in arguments.runtimes}
    print(json.dumps(results))
    print_table(results)
    return int(
        any(result["share_without_forwards"] > BARS.get(runtime, 1.0) for runtime, result in results.items())
    )


if __name__ == "__main__":
    sys.exit(main())
