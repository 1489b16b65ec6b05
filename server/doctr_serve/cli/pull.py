"""``doctr-serve pull``: fetches weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from doctr_serve.cli.configuration import settings_from_environment
from doctr_serve.cli.extras import require_server_extra
from doctr_serve.cli.models import megabytes
from doctr_serve.errors import DoctrServeError

if TYPE_CHECKING:
    from doctr_serve.catalog import Catalog

__all__ = ["register"]

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def register(app: typer.Typer) -> None:
    """Adds the command to the app."""
    app.command(name="pull")(pull)


def pull(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Models to fetch.")] = None,
    pull_all: Annotated[
        bool, typer.Option("--all", help="Fetch every model that docTR has published.")
    ] = False,
) -> None:
    """Fetch the weights of models, so that the server finds them on disk.

    docTR's weights go to docTR's own cache (DOCTR_CACHE_DIR). A model that fails is reported, the others are
    still fetched, and the exit status is 1. An interrupted download goes on where it broke off.
    """
    require_server_extra()
    from doctr_serve.catalog import Catalog

    catalog = Catalog(settings_from_environment())
    wanted = list(names or [])
    if pull_all:
        wanted += [entry.name for entry in catalog.entries() if catalog.is_published(entry)]
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
    what = "already here" if path == before else f"fetched, {megabytes(path.stat().st_size)}"
    typer.echo(f"{name}: {what}: {path}")
    return True
