"""The ``doctr-serve`` command. Each command's module is imported when the command runs, so help stays fast."""

from __future__ import annotations

from typing import Annotated

import typer

from doctr_serve import __version__, _cli_envoy, _cli_models, _cli_ocr, _cli_serve, _cli_up

__all__ = ["app", "main"]

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


for command in (_cli_serve, _cli_up, _cli_envoy, _cli_ocr, _cli_models):
    command.register(app)


def main() -> None:
    """Runs the command line."""
    app()
