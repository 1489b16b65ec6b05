"""The OCR engine: the models in memory, and a predictor for each request's options."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from doctr.models.layout.predictor import LayoutPredictor
from doctr.models.table_structure.predictor import TablePredictor

from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask
from doctr_serve.catalog.choice import ChosenModels, choose_models
from doctr_serve.catalog.on_demand import ModelsOnDemand
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing
from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.model_spec import ModelSpec, describe
from doctr_serve.inference.model_states import ModelState, model_states, named_entries
from doctr_serve.inference.runtimes import Runtime
from doctr_serve.inference.runtimes.choice import runtime_for
from doctr_serve.inference.scheduler import ForwardScheduler
from doctr_serve.inference.stages.fields import FieldsPredictor
from doctr_serve.inference.stages.layout import layout_predictor
from doctr_serve.inference.stages.models import Forwards
from doctr_serve.inference.stages.page_predictor import PagePredictor
from doctr_serve.inference.stages.predictors import (
    detection_predictor,
    disabled_orientation_predictor,
    orientation_predictor,
    recognition_predictor,
)
from doctr_serve.inference.stages.single_stages import PagesOfBoxes, PagesOfRegions, PicturesOfWords
from doctr_serve.inference.stages.table_pages import TablesPredictor
from doctr_serve.inference.stages.tables import table_predictor
from doctr_serve.inference.store import LoadedModel, ModelStore
from doctr_serve.inference.suitability import check_suitability
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from doctr_serve.stage import Stage

__all__ = ["OCREngine"]

PREDICTORS: Mapping[Stage, type[PagePredictor]] = {
    Stage.READING: PagePredictor,
    Stage.DETECTION: PagesOfBoxes,
    Stage.FIELDS: FieldsPredictor,
    Stage.TABLES: TablesPredictor,
}

logger = logging.getLogger(__name__)


class OCREngine:
    """Reads pages with docTR's models.

    Args:
        settings: the server's settings.
        catalog: which models exist; by default the one the settings describe.
        runtime: what loads and runs the models; by default the one the settings name.
        spec_of: what is known of a model; by default what docTR and its weights say.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        catalog: Catalog | None = None,
        runtime: Runtime | None = None,
        spec_of: Callable[[CatalogEntry, Catalog], ModelSpec] = describe,
    ) -> None:
        _set_up_libraries()
        self.catalog = catalog or Catalog(settings)
        self._settings = settings
        self._runtime = runtime or runtime_for(settings, self.catalog)
        self._spec_of = spec_of
        self._limits = PageLimits.from_settings(settings)
        self._scheduler = ForwardScheduler(
            self._runtime,
            concurrent_forwards=settings.concurrent_forwards,
            batch_wait_s=settings.batch_wait_ms / 1000,
        )
        self._store = ModelStore(self._load, capacity=settings.max_loaded_models)
        self._on_demand = ModelsOnDemand(self.catalog, is_on=settings.download_on_demand)

    def warm(self) -> None:
        """Loads the default pair and the models to preload, and reads a blank page with the default pair.

        Raises:
            WeightsUnavailableError: weights that are missing and could not be fetched.
        """
        interrupt = Interrupt()
        fetch = self._settings.download_at_start
        for option in ("default_detection_model", "default_recognition_model", "preload_models"):
            names = getattr(self._settings, option)
            for name in [names] if isinstance(names, str) else names:
                entry = self.catalog.find_by_name(name, option=option, fetch=fetch)
                if fetch and not self.catalog.is_available(entry):
                    logger.info("downloading", extra={"model": entry.name})
                    self.catalog.pull(entry, progress=True)
                self._store.get(entry, interrupt, pin=True)
        # As a request does, in a thread of its own: this one's may have a team of OpenMP threads.
        with ThreadPoolExecutor(1, thread_name_prefix="warm") as thread:
            thread.submit(self._read_a_blank_page, interrupt).result()

    def _read_a_blank_page(self, interrupt: Interrupt) -> None:
        options = ReadingOptions.defaults(self._settings)
        # Of the stages that use both models, the one that takes detection models of any number of classes.
        stage = Stage.FIELDS
        predictor = self.predictor(options, self.choose(options, interrupt, stage), interrupt, stage=stage)
        for page in predictor.detect([np.full((256, 256, 3), 255, np.uint8)]):
            predictor.recognise(page)
        predictor.reco_predictor([np.full((32, 128, 3), 255, np.uint8)])

    def choose(
        self, options: ReadingOptions, interrupt: Interrupt, stage: Stage = Stage.READING
    ) -> ChosenModels:
        """Returns the models that the options ask for; with ``download_on_demand`` missing weights are fetched.

        Args:
            options: the request's options.
            interrupt: stops the wait for a download, or for the hub's word.
            stage: what is asked of the pages.

        Raises:
            UnknownModelError: a name the catalog does not know.
            InvalidOptionError: a model that cannot do what is asked; see :func:`check_suitability`.
            WeightsUnavailableError: a known model whose weights are not here, or are damaged.
            WeightsDownloadError: they could not be fetched.
        """

        def find(name: str, task: ModelTask, option: str) -> CatalogEntry:
            return self._on_demand.find(name, task, option, interrupt)

        chosen = choose_models(options, self.catalog, stage, find)
        for entry in chosen.entries():
            if not self._store.is_loaded(entry):
                self._on_demand.fetch(entry, interrupt)
        check_suitability(options, chosen, stage, self._spec, self._settings)
        return chosen

    def predictor(
        self,
        options: ReadingOptions,
        chosen: ChosenModels,
        interrupt: Interrupt,
        standing: Standing | None = None,
        stage: Stage = Stage.READING,
    ) -> PagePredictor:
        """Returns a predictor of pages over the shared models. Cheap once the models are in memory.

        Args:
            options: the request's options.
            chosen: the models, as :meth:`choose` returned them for this stage.
            interrupt: stops waits for a model's load, and the predictor between forwards.
            standing: of the request; without, one of its own.
            stage: what is asked of the pages; one that looks for words.

        Raises:
            WeightsUnavailableError: the weights of a model are not here any more, or are damaged.
        """
        forwards = self._forwards(interrupt, standing)
        detection, recognition = chosen.detection, chosen.recognition
        page, text = (
            disabled_orientation_predictor()
            if entry is None
            else orientation_predictor(self._loaded(entry, forwards), forwards)
            for entry in (chosen.page_orientation, chosen.text_orientation)
        )
        return PREDICTORS[stage](
            options,
            limits=self._limits,
            interrupt=interrupt,
            min_orientation_confidence=self._settings.min_orientation_confidence,
            detection=detection_predictor(self._loaded(detection, forwards), forwards, options, self._limits),
            recognition=recognition_predictor(
                self._loaded(recognition, forwards), forwards, options, self._limits
            )
            if stage.recognises
            else None,
            page_orientation=page if options.needs_page_orientation else None,
            text_orientation=None if options.assume_straight_pages else text,
            layout=self._layout_predictor(options, chosen, forwards),
            tables=self._table_predictor(options, chosen, forwards),
        )

    def picture_predictor(
        self,
        options: ReadingOptions,
        chosen: ChosenModels,
        interrupt: Interrupt,
        standing: Standing | None = None,
    ) -> PicturesOfWords:
        """Returns a predictor of pictures of one word or line; see :meth:`predictor`."""
        forwards = self._forwards(interrupt, standing)
        model = self._loaded(chosen.recognition, forwards)
        return PicturesOfWords(
            recognition_predictor(model, forwards, options, self._limits), self._limits, interrupt
        )

    def region_predictor(
        self,
        options: ReadingOptions,
        chosen: ChosenModels,
        interrupt: Interrupt,
        standing: Standing | None = None,
    ) -> PagesOfRegions:
        """Returns a predictor of the regions of pages; see :meth:`predictor`."""
        forwards = self._forwards(interrupt, standing)
        model = self._loaded(chosen.layout, forwards)
        return PagesOfRegions(layout_predictor(model, forwards, options), self._limits)

    def _layout_predictor(
        self, options: ReadingOptions, chosen: ChosenModels, forwards: Forwards
    ) -> LayoutPredictor | None:
        if chosen.layout is None:
            return None
        return layout_predictor(self._loaded(chosen.layout, forwards), forwards, options)

    def _table_predictor(
        self, options: ReadingOptions, chosen: ChosenModels, forwards: Forwards
    ) -> TablePredictor | None:
        if chosen.table_structure is None:
            return None
        return table_predictor(self._loaded(chosen.table_structure, forwards), forwards, options)

    def _forwards(self, interrupt: Interrupt, standing: Standing | None) -> Forwards:
        return Forwards(self._scheduler, interrupt, standing or Standing())

    def _loaded(self, entry: CatalogEntry | None, forwards: Forwards) -> LoadedModel:
        if entry is None:
            raise ValueError("the models were chosen for another stage")
        return self._store.get(entry, forwards.interrupt)

    def models(self) -> list[ModelState]:
        """Returns what is known of every model, without loading any.

        The catalog's come first, then those of a hub that the settings name or that are in memory.
        """
        settings = self._settings
        pair = (settings.default_detection_model, settings.default_recognition_model)
        named = named_entries(self.catalog, (*pair, *settings.preload_models))
        entries = dict.fromkeys((*named, *self._store.entries()))
        return model_states(entries, self.catalog, self._runtime, self._store.peek)

    def release_memory(self) -> None:
        """Gives back what the runtime keeps between forwards; for times of idleness."""
        for model in self._store.loaded():
            self._runtime.release_memory(model.handle)

    def close(self) -> None:
        """Ends the forward threads."""
        self._scheduler.close()

    def _spec(self, entry: CatalogEntry) -> ModelSpec:
        loaded = self._store.find(entry)
        return loaded.spec if loaded is not None else self._spec_of(entry, self.catalog)

    def _load(self, entry: CatalogEntry) -> LoadedModel:
        return LoadedModel(self._spec_of(entry, self.catalog), self._runtime.load(entry))


def _set_up_libraries() -> None:
    # docTR would start a new thread pool for every batch (doctr/utils/multithreading.py reads this at each call).
    os.environ.setdefault("DOCTR_MULTIPROCESSING_DISABLE", "TRUE")
    # As with OpenMP's, threads of OpenCV's own would only compete with the forward for the cores.
    cv2.setNumThreads(1)
