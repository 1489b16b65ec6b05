"""The models that exist, and where the weights of each one are.

Three sources, never mixed silently: an architecture's name means docTR's own weights,
``bundled/<architecture>`` the weights that ship with this package, ``<organisation>/<model>`` a docTR model
of the Hugging Face hub. No torch here, so that the list is printed at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from doctr_serve.catalog.doctr_weights import DoctrWeights, are_published
from doctr_serve.catalog.entries import (
    ARCHITECTURES,
    BUNDLED_ARCHITECTURES,
    CatalogEntry,
    ModelTask,
    WeightsSource,
    known_entries,
)
from doctr_serve.catalog.hub import CONFIG_FILE, WEIGHTS_FILE, HubConfig, HubRepositories, is_hub_name
from doctr_serve.catalog.licenses import BUNDLED_LICENSE, DOCTR_LICENSE, License
from doctr_serve.catalog.name_errors import NameErrors, missing_hub_weights, missing_weights
from doctr_serve.settings import Settings

if TYPE_CHECKING:
    from doctr_serve.catalog.download import Downloader

__all__ = ["BUNDLED_DIR", "Catalog"]

BUNDLED_DIR = Path(__file__).parent.parent / "weights"
"""Folder of the weights that ship with the package."""


class Catalog:
    """Every model a request can name, and the files of its weights. Safe to use from several threads.

    Args:
        settings: ``weights_dir``, ``allow_hub_models``, ``download_on_demand`` and the download limits.
        bundled_dir: folder of the bundled weights.
        hub: the hub's repositories; by default those of the public hub.
        downloader: fetches docTR's weights; by default one with the limits of ``settings``.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        bundled_dir: Path = BUNDLED_DIR,
        hub: HubRepositories | None = None,
        downloader: Downloader | None = None,
    ) -> None:
        self._settings = settings
        self._bundled_dir = bundled_dir
        self._hub = hub or HubRepositories(
            timeout_s=settings.download_timeout_s, max_bytes=settings.max_download_bytes
        )
        self._doctr = DoctrWeights(settings, downloader)
        self._known = {entry.name: entry for entry in known_entries()}
        self._name_errors = NameErrors(self.entries(), allow_hub_models=settings.allow_hub_models)

    def entries(self) -> list[CatalogEntry]:
        """All models, by task in the order of ``ModelTask``; of each, docTR's, then the bundled."""
        return list(self._known.values())

    def find(self, name: str, task: ModelTask, *, option: str, fetch: bool | None = None) -> CatalogEntry:
        """The model of this name and task.

        Args:
            name: what the request says.
            task: what the model must do.
            option: request option that carries the name, for the error's ``field``.
            fetch: ask the hub for the configuration of a hub model that is not in its cache; by default the
                setting ``download_on_demand``.

        Raises:
            UnknownModelError: no such model, or one of another task; the message lists what is accepted.
            WeightsUnavailableError: a hub model that is not on the server.
        """
        fetch = self._settings.download_on_demand if fetch is None else fetch
        entry = self._look_up(name, task, option=option, fetch=fetch)
        if entry.task is not task:
            raise self._name_errors.other_task(name, entry.task, task, option=option)
        return entry

    def find_by_name(self, name: str, *, option: str = "model", fetch: bool = True) -> CatalogEntry:
        """The model of this name, whatever its task (command line, ``preload_models``).

        Args:
            name: what the operator says.
            option: what carries the name, for the error's ``field``.
            fetch: ask the hub for the configuration of a hub model that is not in its cache.

        Raises:
            UnknownModelError: no such model; the message lists all names.
            WeightsUnavailableError: a hub model that is not on the server, and ``fetch`` is off.
        """
        return self._look_up(name, None, option=option, fetch=fetch)

    def must_ask_hub(self, name: str) -> bool:
        """Whether the hub alone can say what this model is: its configuration is not in the cache."""
        return (
            self._settings.allow_hub_models
            and name not in self._known
            and is_hub_name(name)
            and self._hub.cached(name, CONFIG_FILE) is None
        )

    def locate(self, entry: CatalogEntry) -> Path | None:
        """Path of the entry's weights, or None where they are not on disk. Reads no weights."""
        match entry.source:
            case WeightsSource.DOCTR:
                return self._doctr.locate(entry.architecture)
            case WeightsSource.BUNDLED:
                path = self._bundled_dir / f"{entry.architecture}.safetensors"
                return path if path.is_file() else None
            case WeightsSource.HUB:
                return self._hub.cached(entry.name, WEIGHTS_FILE)

    def is_available(self, entry: CatalogEntry) -> bool:
        """Whether the weights are on disk and not known to be damaged. Reads no weights."""
        path = self.locate(entry)
        return path is not None and not self._doctr.is_known_damaged(path)

    def license_of(self, entry: CatalogEntry) -> License | None:
        """The licence of the entry's weights; None where it is not known. Asks nobody."""
        match entry.source:
            case WeightsSource.DOCTR:
                # A file of another name is the operator's own: docTR's has a hash in its name.
                path = self.locate(entry)
                is_doctrs = path is None or self._doctr.is_published(entry.architecture, path)
                return DOCTR_LICENSE if is_doctrs else None
            case WeightsSource.BUNDLED:
                return BUNDLED_LICENSE
            case WeightsSource.HUB:
                return self._hub.license_of(entry.name)

    def weights_path(self, entry: CatalogEntry) -> Path:
        """Path of the entry's weights; the first call for a file checks the hash that docTR's names hold.

        Raises:
            WeightsUnavailableError: the weights are not on disk, or damaged; the message says what helps.
        """
        path = self.locate(entry)
        if path is None:
            raise missing_weights(entry)
        if entry.source is WeightsSource.DOCTR:
            self._doctr.check(entry.architecture, path)
        return path

    def is_published(self, entry: CatalogEntry) -> bool:
        """Whether these are weights that docTR has published."""
        return entry.source is WeightsSource.DOCTR and are_published(entry.architecture)

    def pull(self, entry: CatalogEntry, *, progress: bool) -> Path:
        """Path of the entry's weights, downloaded first where they are missing or the cached file is damaged.

        Args:
            entry: the model.
            progress: show a progress bar on stderr, where that is a terminal.

        Raises:
            WeightsDownloadError: the download failed; what was on disk before is untouched.
            WeightsUnavailableError: no download can bring them (bundled, or damaged in ``weights_dir``).
        """
        match entry.source:
            case WeightsSource.DOCTR:
                return self._doctr.pull(entry.architecture, progress=progress)
            case WeightsSource.BUNDLED:
                return self.weights_path(entry)
            case WeightsSource.HUB:
                return self._hub.fetch_weights(entry.name, progress=progress)

    def hub_config(self, entry: CatalogEntry) -> HubConfig:
        """Configuration of a hub model whose files are on disk.

        Raises:
            WeightsUnavailableError: it is not on disk.
        """
        config = self._hub.read_config(entry.name, fetch=False)
        if config is None:
            raise missing_weights(entry)
        return config

    def companions(
        self, detection: CatalogEntry, recognition: CatalogEntry
    ) -> tuple[CatalogEntry, CatalogEntry]:
        """The orientation classifiers that go with a pair of models.

        The page classifier comes from the detection model's source, the text (crop) classifier from the
        recognition model's: bundled with bundled, docTR's with everything else.

        Returns:
            (page orientation, text orientation).
        """
        return (
            self._companion(detection, ModelTask.PAGE_ORIENTATION),
            self._companion(recognition, ModelTask.TEXT_ORIENTATION),
        )

    def _companion(self, model: CatalogEntry, task: ModelTask) -> CatalogEntry:
        prefix = "bundled/" if model.source is WeightsSource.BUNDLED else ""
        return self._known[f"{prefix}{BUNDLED_ARCHITECTURES[task]}"]

    def _look_up(self, name: str, task: ModelTask | None, *, option: str, fetch: bool) -> CatalogEntry:
        if name in self._known:
            return self._known[name]
        if not is_hub_name(name):
            raise self._name_errors.unknown(name, task, option=option)
        if not self._settings.allow_hub_models:
            raise self._name_errors.hub_not_allowed(name, task, option=option)
        config = self._hub.read_config(name, fetch=fetch, option=option)
        if config is None:
            raise missing_hub_weights(name, option=option)
        for known_task, known_architectures in ARCHITECTURES.items():
            if config.arch in known_architectures:
                return CatalogEntry(name, known_task, config.arch, WeightsSource.HUB)
        raise self._name_errors.other_architecture(name, config.arch, task, option=option)
