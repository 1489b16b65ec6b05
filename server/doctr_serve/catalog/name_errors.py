"""What a caller is told of a model that cannot be had: what is accepted instead, and what helps."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence

from doctr_serve.catalog.doctr_weights import are_published, unpublished_weights
from doctr_serve.catalog.entries import ARCHITECTURES, CatalogEntry, ModelTask, WeightsSource
from doctr_serve.errors import UnknownModelError, WeightsUnavailableError

__all__ = ["NameErrors", "missing_hub_weights", "missing_weights"]

MAX_ECHO_CHARACTERS = 100


class NameErrors:
    """Words the errors about model names; the caller raises them.

    In every method ``task`` is what the model must do, None for any task, and ``option`` what carries the name,
    for the message and the error's ``field``.

    Args:
        entries: the models that have a name of their own.
        allow_hub_models: whether a model of the Hugging Face hub may be named as well.
    """

    def __init__(self, entries: Sequence[CatalogEntry], *, allow_hub_models: bool) -> None:
        self._entries = entries
        self._allow_hub_models = allow_hub_models

    def unknown(self, name: str, task: ModelTask | None, *, option: str) -> UnknownModelError:
        """No model has this name; the message suggests the closest one and lists all that are accepted."""
        names = {entry.name.lower(): entry.name for entry in self._entries if task in (None, entry.task)}
        close = difflib.get_close_matches(_shorten(name).lower(), names, n=1)
        suggestion = f" (did you mean '{names[close[0]]}'?)" if close else ""
        return UnknownModelError(
            f"{option} '{_shorten(name)}' is unknown{suggestion}; accepted are: {self._accepted(task)}",
            field=option,
        )

    def other_task(
        self, name: str, actual: ModelTask, wanted: ModelTask, *, option: str
    ) -> UnknownModelError:
        """The model exists and does something else than wanted."""
        return UnknownModelError(
            f"{option} '{name}' is a {actual} model; accepted are: {self._accepted(wanted)}", field=option
        )

    def hub_not_allowed(self, name: str, task: ModelTask | None, *, option: str) -> UnknownModelError:
        """The name is one of the Hugging Face hub, which the settings do not allow."""
        return UnknownModelError(
            f"{option} '{name}' names a model of the Hugging Face hub, which this server does not allow; "
            "its operator does with DOCTR_SERVE_ALLOW_HUB_MODELS=true. Accepted are: "
            f"{self._accepted(task)}",
            field=option,
        )

    def other_architecture(
        self, name: str, architecture: str, task: ModelTask | None, *, option: str
    ) -> UnknownModelError:
        """The hub's model has an architecture that this server does not run."""
        architectures = ARCHITECTURES[task] if task else [*itertools.chain(*ARCHITECTURES.values())]
        return UnknownModelError(
            f"{option} '{name}' has the architecture '{_shorten(architecture)}', which this server does not "
            f"run; accepted are models of: {', '.join(architectures)}",
            field=option,
        )

    def _accepted(self, task: ModelTask | None) -> str:
        names = [entry.name for entry in self._entries if task in (None, entry.task)]
        if self._allow_hub_models:
            names.append("<organisation>/<model> of the Hugging Face hub")
        return ", ".join(names)


def missing_weights(entry: CatalogEntry) -> WeightsUnavailableError:
    """The model's weights are not on disk; the message says how to get them, or how to do without."""
    if entry.source is WeightsSource.BUNDLED:
        return WeightsUnavailableError(
            f"the weights of '{entry.name}' are not part of this installation of doctr-serve{_way_around(entry)}"
        )
    if entry.source is WeightsSource.DOCTR and not are_published(entry.architecture):
        return unpublished_weights(entry.architecture)
    return WeightsUnavailableError(_missing_message(entry.name))


def missing_hub_weights(name: str, *, option: str) -> WeightsUnavailableError:
    """Nothing of the hub's model is on disk; ``option`` is what carries its name."""
    return WeightsUnavailableError(_missing_message(name), field=option)


def _way_around(entry: CatalogEntry) -> str:
    """What a request can do without the model."""
    match entry.task:
        case ModelTask.PAGE_ORIENTATION:
            return "; set disable_page_orientation to do without, or name one of docTR's detection models"
        case ModelTask.TEXT_ORIENTATION:
            return "; set disable_text_orientation to do without, or name one of docTR's recognition models"
        case _:
            return "; name another model"


def _missing_message(name: str) -> str:
    return (
        f"the weights of '{name}' are not on this server; its operator fetches them with: "
        f"doctr-serve pull {name}"
    )


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_ECHO_CHARACTERS else f"{text[:MAX_ECHO_CHARACTERS]}…"
