"""How much memory reading a page takes, in a process of its own: ``python peak_memory.py FOLDER WITH_FORWARDS``.

The folder has pages, ``N.png``, with their options, ``N.json``. Prints a line of JSON for each: ``peak_bytes`` more
than before the page, ``working_bytes`` that are counted for it, ``words`` read or the ``error``, and ``seconds``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from doctr_serve.catalog import ModelTask
from PIL import Image
from support.painted_runtime import PaintedRuntime
from support.tools import ROOT, run

if TYPE_CHECKING:
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
    cases: Sequence[tuple[np.ndarray, dict[str, Any]]], folder: Path
) -> list[dict[str, Any]]:
    """Reads pages, each with options of its own, and takes each dark spot for a word: see :class:`InkRuntime`."""
    return _answers(folder, cases, with_forwards=False)


def _answers(
    folder: Path, cases: Sequence[tuple[np.ndarray, dict[str, Any]]], *, with_forwards: bool
) -> list[dict[str, Any]]:
    for number, (page, options) in enumerate(cases):
        Image.fromarray(page).save(folder / f"{number}.png", compress_level=1)
        (folder / f"{number}.json").write_text(json.dumps(options))
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

    interrupt = Interrupt()
    options = ReadingOptions.defaults(settings, **json.loads(file.with_suffix(".json").read_text()))
    predictor = engine.predictor(options, engine.choose(options, interrupt), interrupt)
    page = np.asarray(Image.open(file).convert("RGB")).copy()
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before, started = _memory_bytes("VmRSS"), time.monotonic()
    answer: dict[str, Any] = {"working_bytes": predictor.working_bytes([page.shape[:2]])}
    try:
        read = predictor.recognise(predictor.detect([page])[0])
        answer["words"] = sum(len(line.words) for block in read.blocks for line in block.lines)
        answer["dimensions"] = list(read.dimensions)
    except Exception as error:
        answer["error"] = f"{type(error).__name__}: {error}"
    answer["seconds"] = time.monotonic() - started
    answer["peak_bytes"] = _memory_bytes("VmHWM") - before
    return answer


if __name__ == "__main__":
    _main(*sys.argv[1:])
