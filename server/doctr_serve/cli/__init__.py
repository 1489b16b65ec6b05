"""The ``doctr-serve`` command: whatever commands the installed packages bring.

Commands are entry points of the group ``doctr_serve.commands`` (pyproject.toml): those of the server and that of the
client stand beside each other without knowing each other. Each names a function that adds its command to the app.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated

import typer

from doctr_serve.version import __version__

__all__ = ["app", "main"]

COMMANDS = "doctr_serve.commands"
"""Entry point group; a package of its own may add commands."""

app = typer.Typer(
    name="doctr-serve",
    help="docTR's OCR as a gRPC service, with REST through Envoy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"doctr-serve {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for command in entry_points(group=COMMANDS):
    command.load()(app)


def main() -> None:
    """Runs the command line."""
    app()
