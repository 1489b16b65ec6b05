"""How much memory reading a page takes, in a process of its own: ``python peak_memory.py page.png options.json``.

Prints JSON: ``peak_bytes`` more than before the page, ``words`` read or the ``error``, and ``seconds``.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from support.tools import ROOT, run

__all__ = ["read_in_a_process"]

MIB = 1024 * 1024


def read_in_a_process(page: np.ndarray, folder: Path, **options: Any) -> dict[str, Any]:
    """Reads the page with the bundled pair, docTR's own input size and two threads.

    Args:
        page: (H, W, 3) uint8 RGB.
        folder: for the page's file.
        **options: of the request.
    """
    Image.fromarray(page).save(folder / "page.png", compress_level=1)
    result = run(
        sys.executable,
        __file__,
        folder / "page.png",
        json.dumps(options),
        env={"PYTHONPATH": f"{ROOT / 'tests'}:{':'.join(sys.path)}", "OMP_NUM_THREADS": "2"},
    )
    return json.loads(result.stdout.splitlines()[-1])


def _memory_bytes(field: str) -> int:
    """``VmRSS`` or ``VmHWM`` of this process (Linux, proc(5))."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) * 1024


def _main(path: str, options: str) -> None:
    from doctr_serve.common.interrupt import Interrupt
    from doctr_serve.common.native_memory import bound_native_memory
    from doctr_serve.inference.engine import OCREngine
    from doctr_serve.options import ReadingOptions
    from doctr_serve.settings import Settings

    bound_native_memory()
    Image.MAX_IMAGE_PIXELS = None
    settings = Settings(
        default_detection_model="bundled/db_mobilenet_v3_large",
        default_recognition_model="bundled/crnn_mobilenet_v3_small",
        intra_op_threads=2,
    )
    engine, interrupt = OCREngine(settings), Interrupt()
    engine.warm()
    reading = ReadingOptions.defaults(settings, **json.loads(options))
    predictor = engine.predictor(reading, engine.choose(reading, interrupt), interrupt)
    page = np.asarray(Image.open(path).convert("RGB")).copy()
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before, started = _memory_bytes("VmRSS"), time.monotonic()
    answer: dict[str, Any] = {}
    try:
        read = predictor.recognise(predictor.detect([page])[0])
        answer["words"] = sum(len(line.words) for block in read.blocks for line in block.lines)
        answer["dimensions"] = list(read.dimensions)
    except Exception as error:
        answer["error"] = f"{type(error).__name__}: {error}"
    answer["seconds"] = time.monotonic() - started
    answer["peak_bytes"] = _memory_bytes("VmHWM") - before
    engine.close()
    print(json.dumps(answer))


if __name__ == "__main__":
    _main(*sys.argv[1:])
