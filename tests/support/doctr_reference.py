"""docTR itself, as its own documentation uses it: what the service must agree with."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import torch
from doctr.models import ocr_predictor
from doctr.models.classification.mobilenet.pytorch import default_cfgs
from doctr_serve.catalog import Catalog, ModelTask
from doctr_serve.inference.loading import load_model
from doctr_serve.options import DOCTR_ARGUMENTS, ReadingOptions
from support.weights import ORIENTATION_ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from doctr.io.elements import Document
    from doctr.models.predictor import OCRPredictor
    from doctr_serve.settings import Settings

__all__ = ["DoctrReference"]


class DoctrReference:
    """docTR's ``ocr_predictor`` over the same files of weights, its networks as docTR builds them.

    Args:
        settings: the service's, for ``weights_dir``.
        checkpoints_dir: the orientation classifiers as docTR's own .pt checkpoints.
    """

    def __init__(self, settings: Settings, checkpoints_dir: Path) -> None:
        self._catalog = Catalog(settings)
        self._checkpoints_dir = checkpoints_dir
        self._networks: dict[str, torch.nn.Module] = {}

    def read(self, pages: list[np.ndarray], options: ReadingOptions) -> Document:
        """Returns what docTR reads: its own constructor, its own ``forward``."""
        return self.predictor(options)(pages)

    def predictor(self, options: ReadingOptions) -> OCRPredictor:
        """Returns docTR's own predictor for the options."""
        arguments = {
            DOCTR_ARGUMENTS[name]: getattr(options, name)
            for name in DOCTR_ARGUMENTS
            if name not in ("detection_model", "recognition_model", "binary_threshold", "box_threshold")
        }
        detection = self._network(options.detection_model, ModelTask.DETECTION)
        with self.local_checkpoints():
            predictor = ocr_predictor(
                detection,
                self._network(options.recognition_model, ModelTask.RECOGNITION),
                pretrained=False,
                **arguments,
            )
        # docTR has no arguments for these; its documentation sets them like this
        # ("Advanced options", https://mindee.github.io/doctr/using_doctr/using_models.html).
        predictor.det_predictor.model.postprocessor.bin_thresh = options.binary_threshold
        predictor.det_predictor.model.postprocessor.box_thresh = options.box_threshold
        return predictor

    def _network(self, name: str, task: ModelTask) -> torch.nn.Module:
        if name not in self._networks:
            self._networks[name] = load_model(self._catalog.find(name, task, option=""), self._catalog)
        return self._networks[name]

    @contextmanager
    def local_checkpoints(self) -> Iterator[None]:
        """Lets ``pretrained=True`` of the orientation classifiers find files: docTR loads a URL or a path."""
        changes: dict[str, Any] = {
            name: {**default_cfgs[name], "url": str(self._checkpoints_dir / f"{name}.pt")}
            for name in ORIENTATION_ARCHITECTURES
        }
        with mock.patch.dict(default_cfgs, changes):
            yield
