"""How much memory reading a page takes, in a process of its own: ``python peak_memory.py FOLDER WITH_FORWARDS``.

The folder has pages, ``N.png``, and for each ``N.json``: its ``options``, in how many ``copies`` it is read, and the
``degrees`` by which it counts as turned. Prints a line of JSON for each: ``peak_bytes`` more than before the page,
``working_bytes`` that are counted for it, ``words`` read or the ``error``, and ``seconds``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from doctr_serve.catalog import ModelTask
from PIL import Image
from support.painted_runtime import PaintedRuntime
from support.tools import ROOT, run

if TYPE_CHECKING:
    from doctr_serve.documents import DecodedPage
    from doctr_serve.inference.engine import OCREngine
    from doctr_serve.settings import Settings

__all__ = ["read_in_a_process", "read_ink_in_a_process"]

MIB = 1024 * 1024


class InkRuntime(PaintedRuntime):
    """Takes whatever is dark for a word; its forwards take no memory, so that what is measured is the request's."""

    def run(self, handle: ModelTask, batch: np.ndarray) -> np.ndarray:
        if handle is ModelTask.DETECTION:
            return (batch[:, :1] < 0).astype(np.float32)
        return super().run(handle, batch)


def read_in_a_process(page: np.ndarray, folder: Path, **options: Any) -> dict[str, Any]:
    """Reads the page with the bundled pair, docTR's own input size and two threads.

    Args:
        page: (H, W, 3) uint8 RGB.
        folder: for the page's file.
        **options: of the request.
    """
    (answer,) = _answers(folder, [(page, options)], with_forwards=True)
    return answer


def read_ink_in_a_process(
    cases: Sequence[tuple[np.ndarray, dict[str, Any]]],
    folder: Path,
    *,
    copies: int = 1,
    degrees: int | None = None,
) -> list[dict[str, Any]]:
    """Reads pages, each with options of its own, and takes each dark spot for a word: see :class:`InkRuntime`.

    Args:
        cases: pages, (H, W, 3) uint8 RGB, with options.
        folder: for the pages' files.
        copies: of each page, in one request.
        degrees: by which the pages count as turned; None to look at them.
    """
    return _answers(folder, cases, with_forwards=False, copies=copies, degrees=degrees)


def _answers(
    folder: Path, cases: Sequence[tuple[np.ndarray, dict[str, Any]]], *, with_forwards: bool, **request: Any
) -> list[dict[str, Any]]:
    for number, (page, options) in enumerate(cases):
        Image.fromarray(page).save(folder / f"{number}.png", compress_level=1)
        (folder / f"{number}.json").write_text(json.dumps({"options": options, **request}))
    result = run(
        sys.executable,
        __file__,
        folder,
        json.dumps(with_forwards),
        env={"PYTHONPATH": f"{ROOT / 'tests'}:{':'.join(sys.path)}", "OMP_NUM_THREADS": "2"},
    )
    return [json.loads(line) for line in result.stdout.splitlines()[-len(cases) :]]


def _memory_bytes(field: str) -> int:
    """``VmRSS`` or ``VmHWM`` of this process (Linux, proc(5))."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) * 1024


def _main(folder: str, with_forwards: str) -> None:
    from doctr_serve.common.native_memory import bound_native_memory, trim_native_memory
    from doctr_serve.inference.engine import OCREngine
    from doctr_serve.settings import Settings

    bound_native_memory()
    Image.MAX_IMAGE_PIXELS = None
    settings = Settings(
        default_detection_model="bundled/db_mobilenet_v3_large",
        default_recognition_model="bundled/crnn_mobilenet_v3_small",
        intra_op_threads=2,
    )
    engine = OCREngine(settings, runtime=None if json.loads(with_forwards) else InkRuntime())
    engine.warm()
    for number, file in enumerate(sorted(Path(folder).glob("*.png"))):
        if number:
            trim_native_memory()
        print(json.dumps(_read(engine, settings, file)))
    engine.close()


def _read(engine: OCREngine, settings: Settings, file: Path) -> dict[str, Any]:
    from doctr_serve.common.interrupt import Interrupt
    from doctr_serve.options import ReadingOptions
    from doctr_serve.reading.pipeline import read_pages
    from doctr_serve.reading.prepared import MAX_BATCH_PIXELS
    from doctr_serve.reading.request import RequestContext

    interrupt = Interrupt()
    context = RequestContext(interrupt)
    request = json.loads(file.with_suffix(".json").read_text())
    options = ReadingOptions.defaults(settings, **request["options"])
    predictor = engine.predictor(options, engine.choose(options, interrupt), interrupt)
    if request.get("degrees") is not None:
        _turn(predictor, request["degrees"])
    page = np.asarray(Image.open(file).convert("RGB")).copy()
    copies = [page, *(page.copy() for _ in range(1, request.get("copies", 1)))]
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before, started = _memory_bytes("VmRSS"), time.monotonic()
    answer: dict[str, Any] = {"working_bytes": predictor.working_bytes([page.shape[:2]] * len(copies))}
    for reading in read_pages(
        _decoded(copies), predictor, max_batch_pixels=MAX_BATCH_PIXELS, context=context
    ):
        if reading.error is not None:
            answer["error"] = f"{type(reading.error).__name__}: {reading.error}"
            break
        answer["words"] = sum(len(line.words) for block in reading.page.blocks for line in block.lines)
        answer["dimensions"] = list(reading.page.dimensions)
        del reading
    answer["seconds"] = time.monotonic() - started
    answer["peak_bytes"] = _memory_bytes("VmHWM") - before
    return answer


def _decoded(copies: Sequence[np.ndarray]) -> Iterator[DecodedPage]:
    from doctr_serve.documents import DecodedPage, PageReference

    for number, page in enumerate(copies, 1):
        yield DecodedPage(PageReference("page", 0, number, len(copies), *page.shape[:2]), page)


def _turn(predictor: Any, degrees: int) -> None:
    """Makes the predictor take every page for one that is turned, after it has looked at it."""
    look = predictor._orientations

    def look_and_turn(images: list[np.ndarray], masked: list[np.ndarray]) -> Any:
        return look(images, masked)[0], [(degrees, 1.0)] * len(images)

    predictor._orientations = look_and_turn


if __name__ == "__main__":
    _main(*sys.argv[1:])
