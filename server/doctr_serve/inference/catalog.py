"""The models that exist, and where the weights of each one are.

Three sources, never mixed silently: an architecture's name means docTR's own weights, ``bundled/<architecture>``
the weights that ship with this package, ``<organisation>/<model>`` a docTR model of the Hugging Face hub. No
torch here, so that the list is printed at once.
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from doctr_serve.errors import UnknownModelError, WeightsUnavailableError
from doctr_serve.inference import doctr_weights
from doctr_serve.inference.hub import WEIGHTS_FILE, HubConfig, HubRepositories, is_hub_name
from doctr_serve.settings import Settings

if TYPE_CHECKING:
    from doctr_serve.inference.download import Downloader

__all__ = ["BUNDLED_DIR", "Catalog", "CatalogEntry", "ModelTask", "WeightsSource"]

BUNDLED_DIR = Path(__file__).parent.parent / "weights"
"""Folder of the weights that ship with the package."""

_MAX_ECHO_CHARACTERS = 100


class ModelTask(StrEnum):
    """What a model does."""

    DETECTION = "detection"
    RECOGNITION = "recognition"
    PAGE_ORIENTATION = "page orientation"
    TEXT_ORIENTATION = "text orientation"


class WeightsSource(StrEnum):
    """Where a model's weights come from."""

    DOCTR = "docTR"
    BUNDLED = "bundled"
    HUB = "hub"


@dataclass(frozen=True)
class CatalogEntry:
    """One model: an architecture with the weights of one source.

    Attributes:
        name: what a request calls it, e.g. ``db_resnet50`` or ``bundled/db_mobilenet_v3_large``.
        task: what it does.
        architecture: docTR's name of the architecture.
        source: where its weights come from.
    """

    name: str
    task: ModelTask
    architecture: str
    source: WeightsSource


_URLS = {
    ModelTask.DETECTION: doctr_weights.DETECTION_URLS,
    ModelTask.RECOGNITION: doctr_weights.RECOGNITION_URLS,
    ModelTask.PAGE_ORIENTATION: doctr_weights.PAGE_ORIENTATION_URLS,
    ModelTask.TEXT_ORIENTATION: doctr_weights.TEXT_ORIENTATION_URLS,
}
_BUNDLED_ARCHITECTURES = {
    ModelTask.DETECTION: "db_mobilenet_v3_large",
    ModelTask.RECOGNITION: "crnn_mobilenet_v3_small",
    ModelTask.PAGE_ORIENTATION: "mobilenet_v3_small_page_orientation",
    ModelTask.TEXT_ORIENTATION: "mobilenet_v3_small_crop_orientation",
}


def _known_entries() -> list[CatalogEntry]:
    entries = []
    for task, urls in _URLS.items():
        entries += [CatalogEntry(name, task, name, WeightsSource.DOCTR) for name in urls]
        bundled = _BUNDLED_ARCHITECTURES[task]
        entries.append(CatalogEntry(f"bundled/{bundled}", task, bundled, WeightsSource.BUNDLED))
    return entries


class Catalog:
    """Every model a request can name, and the files of its weights.

    Safe to use from several threads.

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
        self._hub = hub or HubRepositories(settings.download_timeout_s)
        self._downloader = downloader
        self._known = {entry.name: entry for entry in _known_entries()}
        # Verdict per file state, so that a file of 100 MB is hashed once, and again only after it changed.
        self._intact: dict[tuple[Path, int, int], bool] = {}

    def entries(self) -> list[CatalogEntry]:
        """Detection, recognition, page orientation, text orientation; in each docTR's first, then the bundled."""
        return list(self._known.values())

    def names(self, task: ModelTask) -> list[str]:
        """Names of the models of one task, hub models aside."""
        return [entry.name for entry in self._known.values() if entry.task is task]

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
        entry = self._look_up(name, option=option, fetch=fetch)
        if entry is None:
            raise UnknownModelError(self._unknown_message(name, task, option), field=option)
        if entry.task is not task:
            raise UnknownModelError(
                f"{option} '{name}' is a {entry.task} model; accepted are: {self._accepted(task)}",
                field=option,
            )
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
        entry = self._look_up(name, option=option, fetch=fetch)
        if entry is None:
            raise UnknownModelError(self._unknown_message(name, None, option), field=option)
        return entry

    def locate(self, entry: CatalogEntry) -> Path | None:
        """Path of the entry's weights, or None where they are not on disk. Cheap: reads no weights."""
        if entry.source is WeightsSource.HUB:
            return self._hub.cached(entry.name, WEIGHTS_FILE)
        if entry.source is WeightsSource.BUNDLED:
            path = self._bundled_dir / f"{entry.architecture}.safetensors"
            return path if path.is_file() else None
        return next((path for path in self._doctr_candidates(entry) if path.is_file()), None)

    def is_available(self, entry: CatalogEntry) -> bool:
        """Whether the weights are on disk and not known to be damaged. Cheap: reads no weights."""
        path = self.locate(entry)
        return path is not None and self._intact.get(_file_state(path), True)

    def weights_path(self, entry: CatalogEntry) -> Path:
        """Path of the entry's weights; the first call for a file checks the hash that its name promises.

        Raises:
            WeightsUnavailableError: the weights are not on disk, or they are damaged; the message says what helps.
        """
        path = self.locate(entry)
        if path is None:
            raise self._missing(entry)
        if not self._is_intact(entry, path):
            raise WeightsUnavailableError(self._damaged_message(entry, path))
        return path

    def pull(self, entry: CatalogEntry, *, progress: bool) -> Path:
        """Path of the entry's weights, downloaded first where they are missing or the cached file is damaged.

        docTR's weights go where docTR itself would put them, so that both share one cache.

        Args:
            entry: the model.
            progress: show a progress bar on stderr.

        Raises:
            WeightsDownloadError: the download failed; what was on disk before is untouched.
            WeightsUnavailableError: weights that no download can bring (bundled, or damaged in ``weights_dir``).
        """
        if entry.source is WeightsSource.HUB:
            return self._hub.fetch_weights(entry.name)
        url = _URLS[entry.task].get(entry.architecture)
        located = self.locate(entry)
        target = None if url is None else doctr_weights.doctr_cache_dir() / doctr_weights.file_name_of(url)
        replaceable = located is None or (located == target and not self._is_intact(entry, located))
        if entry.source is WeightsSource.BUNDLED or not replaceable or url is None or target is None:
            return self.weights_path(entry)
        prefix = doctr_weights.sha256_prefix_of(target.name)
        return self._get_downloader().fetch(url, target, sha256_prefix=prefix, progress=progress)

    def hub_config(self, entry: CatalogEntry) -> HubConfig:
        """Configuration of a hub model whose files are on disk.

        Raises:
            WeightsUnavailableError: it is not on disk.
        """
        config = self._hub.read_config(entry.name, fetch=False)
        if config is None:
            raise self._missing(entry)
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
        page, text = (
            f"{'bundled/' if model.source is WeightsSource.BUNDLED else ''}{_BUNDLED_ARCHITECTURES[task]}"
            for model, task in (
                (detection, ModelTask.PAGE_ORIENTATION),
                (recognition, ModelTask.TEXT_ORIENTATION),
            )
        )
        return self._known[page], self._known[text]

    def _look_up(self, name: str, *, option: str, fetch: bool | None) -> CatalogEntry | None:
        if name in self._known or not is_hub_name(name):
            return self._known.get(name)
        if not self._settings.allow_hub_models:
            raise UnknownModelError(
                f"{option} '{name}' is a model of the Hugging Face hub, which this server does not allow; its "
                "operator allows them with the setting allow_hub_models",
                field=option,
            )
        fetch = self._settings.download_on_demand if fetch is None else fetch
        config = self._hub.read_config(name, fetch=fetch, option=option)
        if config is None:
            raise WeightsUnavailableError(_missing_message(name), field=option)
        tasks = [task for task, urls in _URLS.items() if config.arch in urls]
        if not tasks:
            raise UnknownModelError(
                f"{option} '{name}' has the architecture '{_shorten(config.arch)}', which this server does not run; "
                f"accepted are: {', '.join(arch for urls in _URLS.values() for arch in urls)}",
                field=option,
            )
        return CatalogEntry(name, tasks[0], config.arch, WeightsSource.HUB)

    def _accepted(self, task: ModelTask | None) -> str:
        names = [entry.name for entry in self._known.values() if task in (None, entry.task)]
        if self._settings.allow_hub_models:
            names.append("<organisation>/<model> of the Hugging Face hub")
        return ", ".join(names)

    def _unknown_message(self, name: str, task: ModelTask | None, option: str) -> str:
        names = {known.lower(): known for known, entry in self._known.items() if task in (None, entry.task)}
        close = difflib.get_close_matches(_shorten(name).lower(), names, n=1)
        suggestion = f" (did you mean '{names[close[0]]}'?)" if close else ""
        return f"{option} '{_shorten(name)}' is unknown{suggestion}; accepted are: {self._accepted(task)}"

    def _doctr_candidates(self, entry: CatalogEntry) -> list[Path]:
        file_name = doctr_weights.file_name_of(_URLS[entry.task][entry.architecture])
        candidates = [doctr_weights.doctr_cache_dir() / file_name]
        if self._settings.weights_dir is not None:
            names = (file_name, f"{entry.architecture}.safetensors", f"{entry.architecture}.pt")
            candidates = [self._settings.weights_dir / name for name in names] + candidates
        return candidates

    def _is_intact(self, entry: CatalogEntry, path: Path) -> bool:
        prefix = doctr_weights.sha256_prefix_of(path.name) if entry.source is WeightsSource.DOCTR else None
        if prefix is None:
            return True
        state = _file_state(path)
        if state not in self._intact:
            with path.open("rb") as file:
                self._intact[state] = hashlib.file_digest(file, "sha256").hexdigest().startswith(prefix)
        return self._intact[state]

    def _missing(self, entry: CatalogEntry) -> WeightsUnavailableError:
        if entry.source is WeightsSource.BUNDLED:
            return WeightsUnavailableError(
                f"the weights of '{entry.name}' are missing from this installation of doctr-serve; its operator "
                "installs the package again"
            )
        return WeightsUnavailableError(_missing_message(entry.name))

    def _damaged_message(self, entry: CatalogEntry, path: Path) -> str:
        in_cache = path.parent == doctr_weights.doctr_cache_dir()
        remedy = (
            f"its operator fetches them again with: doctr-serve pull {entry.name}"
            if in_cache
            else "its operator replaces or removes the file in weights_dir"
        )
        return (
            f"the weights of '{entry.name}' on this server are damaged (the SHA-256 of {path.name} does not start "
            f"with {doctr_weights.sha256_prefix_of(path.name)}); {remedy}"
        )

    def _get_downloader(self) -> Downloader:
        if self._downloader is None:
            from doctr_serve.inference.download import Downloader

            self._downloader = Downloader(
                stall_timeout_s=self._settings.download_timeout_s,
                max_bytes=self._settings.max_download_bytes,
                max_attempts=self._settings.download_attempts,
            )
        return self._downloader


def _file_state(path: Path) -> tuple[Path, int, int]:
    status = path.stat()
    return path, status.st_size, status.st_mtime_ns


def _missing_message(name: str) -> str:
    return f"the weights of '{name}' are not on this server; its operator fetches them with: doctr-serve pull {name}"


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_ECHO_CHARACTERS else f"{text[:_MAX_ECHO_CHARACTERS]}…"
