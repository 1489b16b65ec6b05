"""The OCR engine: the catalog, the models in memory, and a predictor for each request's options."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

# docTR would start a new thread pool for every batch (doctr/utils/multithreading.py); the variable is read at
# each call, and our own pipeline keeps the cores busy.
os.environ.setdefault("DOCTR_MULTIPROCESSING_DISABLE", "TRUE")

import langdetect
import numpy as np
from torch import nn

from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask
from doctr_serve.catalog.on_demand import OnDemandDownloads
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.loading import load_model
from doctr_serve.inference.predictor import StagedPredictor
from doctr_serve.inference.predictors import (
    detection_predictor,
    disabled_orientation_predictor,
    orientation_predictor,
    recognition_predictor,
)
from doctr_serve.inference.runtimes import Backend
from doctr_serve.inference.runtimes.torch_runtime import TorchBackend
from doctr_serve.inference.scheduler import ForwardScheduler
from doctr_serve.inference.shared_models import Forwarder
from doctr_serve.inference.store import ModelStore
from doctr_serve.options import OCROptions

if TYPE_CHECKING:
    from doctr.models.classification.predictor import OrientationPredictor

    from doctr_serve.settings import Settings

__all__ = ["ModelNames", "OCREngine"]

logger = logging.getLogger(__name__)

# langdetect draws random numbers; with a seed the same text gives the same language
# (https://github.com/Mimino666/langdetect#basic-usage).
langdetect.DetectorFactory.seed = 0


@dataclass(frozen=True)
class ModelNames:
    """Names of the models that serve a request; empty where none is needed."""

    detection: str
    recognition: str
    page_orientation: str = ""
    text_orientation: str = ""


@dataclass(frozen=True)
class _Entries:
    detection: CatalogEntry
    recognition: CatalogEntry
    page_orientation: CatalogEntry | None
    text_orientation: CatalogEntry | None

    def names(self) -> ModelNames:
        page, text = self.page_orientation, self.text_orientation
        return ModelNames(
            self.detection.name, self.recognition.name, page.name if page else "", text.name if text else ""
        )


class OCREngine:
    """Reads pages with docTR's models.

    Args:
        settings: the server's settings.
        catalog: which models exist; by default the one the settings describe.
        backend: what runs the models; torch by default.
    """

    def __init__(
        self, settings: Settings, catalog: Catalog | None = None, backend: Backend | None = None
    ) -> None:
        self.settings = settings
        self.catalog = catalog or Catalog(settings)
        self._backend = backend or TorchBackend(settings.device, cpu_slice_pixels=settings.cpu_slice_pixels)
        self._scheduler = ForwardScheduler(
            concurrent_forwards=settings.concurrent_forwards, intra_op_threads=settings.intra_op_threads
        )
        self._store = ModelStore(self._load, capacity=settings.max_loaded_models)
        self._downloads = OnDemandDownloads(lambda entry: self.catalog.pull(entry, progress=False))

    def warm(self) -> None:
        """Loads the default pair and the models to preload, and reads a blank page with the default pair.

        Raises:
            WeightsUnavailableError: weights that are missing and could not be fetched.
        """
        options = OCROptions(
            detection_model=self.settings.default_detection_model,
            recognition_model=self.settings.default_recognition_model,
        )
        fetch = self.settings.download_at_start
        for option in ("default_detection_model", "default_recognition_model", "preload_models"):
            names = getattr(self.settings, option)
            for name in [names] if isinstance(names, str) else names:
                entry = self.catalog.find_by_name(name, option=option, fetch=fetch)
                if fetch and not self.catalog.is_available(entry):
                    logger.info("downloading", extra={"model": entry.name})
                    self.catalog.pull(entry, progress=True)
                self._store.get(entry, pin=True)
        langdetect.detector_factory.init_factory()
        predictor, _ = self.predictor(options, Interrupt())
        for page in predictor.detect([np.full((256, 256, 3), 255, np.uint8)]):
            predictor.recognise(page)
        predictor.reco_predictor([np.full((32, 128, 3), 255, np.uint8)])

    def check(self, options: OCROptions, interrupt: Interrupt) -> ModelNames:
        """Returns the models that the options name; with ``download_on_demand`` missing weights are fetched.

        Args:
            options: the request's options.
            interrupt: stops the wait for a download.

        Raises:
            UnknownModelError: a name the catalog does not know.
            WeightsUnavailableError: a known model whose weights are not here.
            WeightsDownloadError: they could not be fetched.
        """
        entries = self._entries(options)
        for entry in (
            entries.detection,
            entries.recognition,
            entries.page_orientation,
            entries.text_orientation,
        ):
            if entry is not None and not self._store.is_loaded(entry):
                if self.settings.download_on_demand and not self.catalog.is_available(entry):
                    self._downloads.fetch(entry, interrupt)
                self.catalog.weights_path(entry)
        return entries.names()

    def predictor(self, options: OCROptions, interrupt: Interrupt) -> tuple[StagedPredictor, ModelNames]:
        """Returns a predictor over the shared models, and their names. Cheap once the models are in memory.

        Args:
            options: the request's options.
            interrupt: stops the predictor between forwards.

        Raises:
            UnknownModelError: a name the catalog does not know.
            WeightsUnavailableError: a known model whose weights are not here.
        """
        entries = self._entries(options)
        forwarder = Forwarder(self._backend, self._scheduler, interrupt)
        predictor = StagedPredictor(
            options,
            detection=detection_predictor(self._store.get(entries.detection), forwarder, options),
            recognition=recognition_predictor(self._store.get(entries.recognition), forwarder, options),
            page_orientation=self._orientation(entries.page_orientation, forwarder)
            if options.needs_page_orientation
            else None,
            text_orientation=None
            if options.assume_straight_pages
            else self._orientation(entries.text_orientation, forwarder),
        )
        return predictor, entries.names()

    def is_loaded(self, entry: CatalogEntry) -> bool:
        """Returns whether the model is in memory."""
        return self._store.is_loaded(entry)

    def close(self) -> None:
        """Ends the forward threads."""
        self._scheduler.close()

    def _orientation(self, entry: CatalogEntry | None, forwarder: Forwarder) -> OrientationPredictor:
        if entry is None:
            return disabled_orientation_predictor()
        return orientation_predictor(self._store.get(entry), forwarder)

    def _load(self, entry: CatalogEntry) -> nn.Module:
        return self._backend.prepare(load_model(entry, self.catalog))

    def _entries(self, options: OCROptions) -> _Entries:
        detection = self.catalog.find(options.detection_model, ModelTask.DETECTION, option="detection_model")
        recognition = self.catalog.find(
            options.recognition_model, ModelTask.RECOGNITION, option="recognition_model"
        )
        page, text = self.catalog.companions(detection, recognition)
        needs_page = options.needs_page_orientation and not options.disable_page_orientation
        needs_text = not options.assume_straight_pages and not options.disable_text_orientation
        return _Entries(detection, recognition, page if needs_page else None, text if needs_text else None)
