"""How each peer reads a page: its own defaults, as one would call it in a program, with so many threads."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doctr_serve.catalog import Catalog, ModelTask
from doctr_serve.inference.loading import load_model
from doctr_serve.inference.model_spec import ModelSpec, describe
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings

from benchmarks.harness import DETECTION_MODEL, RECOGNITION_MODEL

__all__ = ["PEERS", "Read"]

Read = Callable[[Path], int]
"""Reads the page of a file and returns how many words it found."""


def doctr(threads: int) -> Read:
    """DocTR's own predictor, eager, with the bundled weights and the contract's options."""
    from benchmarks.overhead import doctr_in_process

    read = doctr_in_process(threads)
    return lambda page: len(read(page.read_bytes()))


def onnxtr(threads: int) -> Read:
    """OnnxTR with the bundled weights, which docTR's own export has made ONNX files of.

    OnnxTR's own files are of other weights, and come from the internet.
    """
    from onnxruntime import SessionOptions
    from onnxtr.io import DocumentFile
    from onnxtr.models import (
        EngineConfig,
        crnn_mobilenet_v3_small,
        db_mobilenet_v3_large,
        ocr_predictor,
    )

    session_options = SessionOptions()
    session_options.intra_op_num_threads = threads
    engine = EngineConfig(session_options=session_options)
    options = ReadingOptions()
    with tempfile.TemporaryDirectory() as folder:
        detection_file, _ = _exported(DETECTION_MODEL, ModelTask.DETECTION, folder)
        recognition_file, spec = _exported(RECOGNITION_MODEL, ModelTask.RECOGNITION, folder)
        detection = db_mobilenet_v3_large(
            detection_file,
            engine_cfg=engine,
            bin_thresh=options.binary_threshold,
            box_thresh=options.box_threshold,
        )
        recognition = crnn_mobilenet_v3_small(recognition_file, engine_cfg=engine, vocab=spec.vocab)
    # OnnxTR resizes crops to this, and knows the shape of its own weights alone.
    recognition.cfg = {**recognition.cfg, "input_shape": spec.input_shape}
    predictor = ocr_predictor(
        detection,
        recognition,
        det_bs=options.detection_batch_size,
        reco_bs=options.recognition_batch_size,
        paragraph_break=options.paragraph_break,
    )

    def read(page: Path) -> int:
        found = predictor(DocumentFile.from_images([page.read_bytes()]))
        return sum(len(line.words) for block in found.pages[0].blocks for line in block.lines)

    return read


def _exported(name: str, task: ModelTask, folder: str) -> tuple[str, ModelSpec]:
    import torch
    from doctr.models.utils import export_model_to_onnx

    catalog = Catalog(Settings())
    entry = catalog.find(name, task, option="model")
    spec = describe(entry, catalog)
    model: Any = load_model(entry, catalog)
    model.exportable = True
    example = torch.zeros(1, *spec.input_shape)
    return export_model_to_onnx(model, str(Path(folder, task.name)), example), spec


def rapidocr(threads: int) -> Read:
    """RapidOCR with the PP-OCR models that its package ships, by ONNX Runtime."""
    from rapidocr import RapidOCR

    engine = RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "Global.log_level": "error",
        }
    )
    # It reads lines.
    return lambda page: sum(len(line.split()) for line in engine(page.read_bytes()).txts or ())


def tesseract(threads: int) -> Read:
    """Tesseract's command line in its default mode, a process a page."""
    program = shutil.which("tesseract")
    if program is None:
        raise FileNotFoundError("no such program (Debian: apt-get install tesseract-ocr)")
    environment = os.environ | {"OMP_THREAD_LIMIT": str(threads)}

    def read(page: Path) -> int:
        command = [program, str(page), "stdout"]
        done = subprocess.run(command, capture_output=True, env=environment, check=True)
        return len(done.stdout.split())

    return read


PEERS: dict[str, Callable[[int], Read]] = {
    "docTR": doctr,
    "OnnxTR": onnxtr,
    "RapidOCR": rapidocr,
    "Tesseract": tesseract,
}
"""By name: number of threads -> reader. Raises where the peer is not installed."""
