"""Models that are not here yet, fetched while the requests that name them wait (``download_on_demand``)."""

from __future__ import annotations

from pathlib import Path

from doctr_serve.catalog.catalog import Catalog
from doctr_serve.catalog.entries import CatalogEntry, ModelTask
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.single_flight import SingleFlight

__all__ = ["ModelsOnDemand"]

MAX_RUNNING = 8
"""Look-ups at the hub at the same time, and downloads."""


class ModelsOnDemand:
    """Finds models and their weights; a request that is stopped does not wait for those who send them.

    Args:
        catalog: which models exist.
        is_on: whether anything is fetched at all.
    """

    def __init__(self, catalog: Catalog, *, is_on: bool) -> None:
        self._catalog = catalog
        self._is_on = is_on
        self._look_ups: SingleFlight[tuple[str, ModelTask, str], CatalogEntry] = SingleFlight(
            lambda key: self._find(*key, fetch=True), name="look-up", max_running=MAX_RUNNING
        )
        self._downloads: SingleFlight[CatalogEntry, Path] = SingleFlight(
            lambda entry: catalog.pull(entry, progress=False), name="download", max_running=MAX_RUNNING
        )

    def find(self, name: str, task: ModelTask, option: str, interrupt: Interrupt) -> CatalogEntry:
        """Returns the model of this name and task; see :meth:`Catalog.find`.

        Raises:
            StopSignal: ``interrupt`` fired while the hub was asked.
        """
        if self._is_on and self._catalog.must_ask_hub(name):
            return self._look_ups.do((name, task, option), interrupt)
        return self._find(name, task, option, fetch=False)

    def fetch(self, entry: CatalogEntry, interrupt: Interrupt) -> None:
        """Returns once the weights are here and intact, or are known not to be.

        Raises:
            WeightsUnavailableError: they are not here, or damaged; see :meth:`Catalog.weights_path`.
            WeightsDownloadError: they could not be fetched.
            StopSignal: ``interrupt`` fired while they were.
        """
        if self._is_on and not self._catalog.is_available(entry):
            self._downloads.do(entry, interrupt)
        self._catalog.weights_path(entry)

    def _find(self, name: str, task: ModelTask, option: str, *, fetch: bool) -> CatalogEntry:
        return self._catalog.find(name, task, option=option, fetch=fetch)
