"""``doctr-serve models`` and ``doctr-serve pull``: which models this machine has, and fetching more."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from doctr_serve._extras import require_server_extra
from doctr_serve.errors import DoctrServeError

if TYPE_CHECKING:
    from doctr_serve.inference.catalog import Catalog, CatalogEntry
    from doctr_serve.settings import Settings

__all__ = ["register"]

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def register(app: typer.Typer) -> None:
    """Adds the two commands to the app."""
    app.command(name="models")(models)
    app.command(name="pull")(pull)


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
) -> None:
    """List the models, whether their weights are on this machine, and the default pair.

    Settings come from the environment (DOCTR_SERVE_WEIGHTS_DIR, DOCTR_SERVE_DEFAULT_DETECTION_MODEL, ...).
    """
    settings = _settings()
    rows = _rows(settings)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    else:
        typer.echo(_table(rows))


def pull(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Models to fetch.")] = None,
    pull_all: Annotated[bool, typer.Option("--all", help="Fetch every model of docTR.")] = False,
) -> None:
    """Fetch the weights of models, so that the server finds them on disk.

    docTR's weights go to docTR's own cache (DOCTR_CACHE_DIR). A model that fails is reported, the others are
    still fetched, and the exit status is 1. An interrupted download goes on where it broke off.
    """
    require_server_extra()
    from doctr_serve.inference.catalog import Catalog, WeightsSource

    catalog = Catalog(_settings())
    wanted = list(names or [])
    if pull_all:
        wanted += [entry.name for entry in catalog.entries() if entry.source is WeightsSource.DOCTR]
    if not wanted:
        typer.echo("doctr-serve pull: name at least one model, or --all; see: doctr-serve models", err=True)
        raise typer.Exit(EXIT_USAGE)
    try:
        failures = sum(not _pull_one(catalog, name) for name in dict.fromkeys(wanted))
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    raise typer.Exit(EXIT_FAILED if failures else 0)


def _pull_one(catalog: Catalog, name: str) -> bool:
    """Fetches one model and says what came of it; returns whether its weights are here now."""
    try:
        entry = catalog.find_by_name(name)
        before = catalog.locate(entry)
        path = catalog.pull(entry, progress=True)
    except DoctrServeError as error:
        typer.echo(f"doctr-serve pull: {error}", err=True)
        return False
    what = "already here" if path == before else f"fetched, {_size(path.stat().st_size)}"
    typer.echo(f"{name}: {what}: {path}")
    return True


def _settings() -> Settings:
    from doctr_serve.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"doctr-serve: DOCTR_SERVE_{name}: {problem['msg']}", err=True)
        raise typer.Exit(EXIT_USAGE) from None


def _rows(settings: Settings) -> list[_Row]:
    from doctr_serve.inference.catalog import Catalog

    catalog = Catalog(settings)
    defaults = (settings.default_detection_model, settings.default_recognition_model)
    entries = {entry.name: entry for entry in catalog.entries()}
    for name in (*defaults, *settings.preload_models):
        if name not in entries:
            try:
                entries[name] = catalog.find_by_name(name, fetch=False)
            except DoctrServeError as error:
                typer.echo(f"doctr-serve models: {error}", err=True)
    return [_row(entry, catalog.locate(entry), default=entry.name in defaults) for entry in entries.values()]


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


def _table(rows: list[_Row]) -> str:
    lines = [("NAME", "TASK", "SOURCE", "PRESENT", "SIZE", "")]
    for row in rows:
        size = "" if row.size_bytes is None else _size(row.size_bytes)
        present = "yes" if row.present else "no"
        lines.append((row.name, row.task, row.source, present, size, "default" if row.default else ""))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:.1f} MB"
