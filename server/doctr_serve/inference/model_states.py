"""What is known of models without loading any."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from doctr_serve.catalog import Catalog, CatalogEntry, License
from doctr_serve.errors import DoctrServeError
from doctr_serve.inference.model_spec import ModelSpec, expected_spec
from doctr_serve.inference.runtimes import Execution, Runtime
from doctr_serve.inference.store import LoadedModel
from doctr_serve.inference.vocabulary import Vocabulary, vocabulary_of

__all__ = ["ModelState", "model_states", "named_entries"]


@dataclass(frozen=True)
class ModelState:
    """A model, as it stands on this machine.

    Attributes:
        entry: which model.
        available: whether its weights are here, so that a request can use it at once.
        loaded: whether it is in memory.
        spec: the form of its input and what its output stands for; None where that is not known.
        license: of its weights; None where that is not known.
        execution: what runs it, or would.
    """

    entry: CatalogEntry
    available: bool
    loaded: bool
    spec: ModelSpec | None
    license: License | None
    execution: Execution

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The characters that it reads; None for a model that reads none, and where they are not known."""
        return vocabulary_of(self.spec.vocab) if self.spec is not None and self.spec.vocab else None


def named_entries(catalog: Catalog, names: Iterable[str]) -> list[CatalogEntry]:
    """Returns the catalog's models and those of a hub that have these names, as far as they are here."""
    entries = {entry.name: entry for entry in catalog.entries()}
    for name in names:
        try:
            entries[name] = catalog.find_by_name(name, fetch=False)
        except DoctrServeError:  # who starts a server with it is told
            continue
    return list(entries.values())


def model_states(
    entries: Iterable[CatalogEntry],
    catalog: Catalog,
    runtime: Runtime,
    loaded: Callable[[CatalogEntry], LoadedModel | None],
) -> list[ModelState]:
    """Returns the state of each model; loads and downloads nothing, and reads no more than the heads of files.

    Args:
        entries: the models.
        catalog: where their weights are.
        runtime: what runs them.
        loaded: returns a model that is in memory, or None.
    """
    return [_state(entry, catalog, runtime, loaded(entry)) for entry in entries]


def _state(entry: CatalogEntry, catalog: Catalog, runtime: Runtime, model: LoadedModel | None) -> ModelState:
    spec = model.spec if model is not None else expected_spec(entry, catalog)
    return ModelState(
        entry,
        # Files that say nothing of themselves, though they should, cannot be loaded either.
        available=catalog.is_available(entry) and spec is not None,
        loaded=model is not None,
        spec=spec,
        license=catalog.license_of(entry),
        execution=runtime.execution_of(entry, None if model is None else model.handle),
    )
