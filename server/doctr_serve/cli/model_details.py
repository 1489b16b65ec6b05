"""What ``doctr-serve models --details`` tells besides: what a server here would say of its models."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from doctr_serve.cli.extras import require_server_extra

if TYPE_CHECKING:
    from doctr_serve.catalog import Catalog, CatalogEntry
    from doctr_serve.inference.model_states import ModelState
    from doctr_serve.settings import Settings

__all__ = ["DETAIL_COLUMNS", "columns_of", "details_of"]

DETAIL_COLUMNS = ("INPUT", "RUNTIME", "VOCABULARY", "LICENSE")


def details_of(entries: list[CatalogEntry], catalog: Catalog, settings: Settings) -> list[dict[str, Any]]:
    """Returns the details of each model, under the names that they have in ``ListModels``; None is not known.

    Raises:
        typer.Exit: with status 2, where the server's packages are missing.
    """
    require_server_extra()
    from doctr_serve.inference.model_states import model_states
    from doctr_serve.inference.runtimes.choice import runtime_for

    return [
        _details(state)
        for state in model_states(entries, catalog, runtime_for(settings, catalog), lambda entry: None)
    ]


def _details(state: ModelState) -> dict[str, Any]:
    _, height, width = (None, None, None) if state.spec is None else state.spec.input_shape
    return {
        "vocabulary": None if state.vocabulary is None else dataclasses.asdict(state.vocabulary),
        "license": None if state.license is None else dataclasses.asdict(state.license),
        "runtime": state.execution.runtime,
        "precision": state.execution.precision,
        "input_height_pixels": height,
        "input_width_pixels": width,
    }


def columns_of(details: dict[str, Any]) -> tuple[str, ...]:
    """Returns a model's details as the cells of ``DETAIL_COLUMNS``."""
    height, license_ = details["input_height_pixels"], details["license"]
    return (
        "" if height is None else f"{height}x{details['input_width_pixels']}",
        f"{details['runtime']} {details['precision']}",
        "" if details["vocabulary"] is None else _vocabulary(**details["vocabulary"]),
        "unknown" if license_ is None else license_["spdx_id"] or license_["source"],
    )


def _vocabulary(name: str, size: int, scripts: tuple[str, ...]) -> str:
    return f"{name or 'its own'}, {size} characters{''.join(f', {script}' for script in scripts)}"
