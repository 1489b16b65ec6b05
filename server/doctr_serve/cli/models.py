"""``doctr-serve models``: which models there are, and whether this machine has their weights."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doctr_serve.cli.configuration import settings_from_environment
from doctr_serve.cli.model_details import DETAIL_COLUMNS, columns_of, details_of
from doctr_serve.errors import DoctrServeError

if TYPE_CHECKING:
    from doctr_serve.catalog import Catalog, CatalogEntry
    from doctr_serve.settings import Settings

__all__ = ["megabytes", "register"]


def register(app: typer.Typer) -> None:
    """Adds the command to the app."""
    app.command(name="models")(models)


@dataclass(frozen=True)
class _Row:
    """One line of the list."""

    name: str
    task: str
    source: str
    architecture: str
    present: bool
    size_bytes: int | None
    path: str | None
    default: bool


def models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array, for programs.")] = False,
    with_details: Annotated[
        bool,
        typer.Option(
            "--details", help="Also what they read, their licence and what runs them; takes some seconds."
        ),
    ] = False,
) -> None:
    """List the models, whether their weights are on this machine, and the default pair.

    Settings come from the environment (DOCTR_SERVE_WEIGHTS_DIR, DOCTR_SERVE_DEFAULT_DETECTION_MODEL, ...).
    """
    from doctr_serve.catalog import Catalog

    settings = settings_from_environment()
    catalog = Catalog(settings)
    entries = _entries(settings, catalog)
    defaults = (settings.default_detection_model, settings.default_recognition_model)
    rows = [_row(entry, catalog.locate(entry), default=entry.name in defaults) for entry in entries]
    details = details_of(entries, catalog, settings) if with_details else [{} for _ in entries]
    if as_json:
        objects = [dataclasses.asdict(row) | more for row, more in zip(rows, details, strict=True)]
        typer.echo(json.dumps(objects, indent=2))
    else:
        typer.echo(_table(rows, details))


def _entries(settings: Settings, catalog: Catalog) -> list[CatalogEntry]:
    defaults = (settings.default_detection_model, settings.default_recognition_model)
    entries = {entry.name: entry for entry in catalog.entries()}
    for name in (*defaults, *settings.preload_models):
        if name not in entries:
            try:
                entries[name] = catalog.find_by_name(name, fetch=False)
            except DoctrServeError as error:
                typer.echo(f"doctr-serve models: {error}", err=True)
    return list(entries.values())


def _row(entry: CatalogEntry, path: Path | None, *, default: bool) -> _Row:
    return _Row(
        name=entry.name,
        task=str(entry.task),
        source=str(entry.source),
        architecture=entry.architecture,
        present=path is not None,
        size_bytes=None if path is None else path.stat().st_size,
        path=None if path is None else str(path),
        default=default,
    )


def _table(rows: list[_Row], details: list[dict[str, Any]]) -> str:
    more_columns = DETAIL_COLUMNS if any(details) else ()
    lines = [("NAME", "TASK", "SOURCE", "PRESENT", "SIZE", *more_columns, "")]
    for row, more in zip(rows, details, strict=True):
        size = "" if row.size_bytes is None else megabytes(row.size_bytes)
        cells = (row.name, row.task, row.source, "yes" if row.present else "no", size)
        lines.append((*cells, *(columns_of(more) if more else ()), "default" if row.default else ""))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def megabytes(size_bytes: int) -> str:
    """A file's size for people."""
    return f"{size_bytes / 1_000_000:.1f} MB"
