"""The ``doctr-serve`` command. Each command's module is imported when the command runs, so help stays fast."""

from __future__ import annotations

import typer

from doctr_serve import _cli_envoy, _cli_models, _cli_ocr, _cli_serve, _cli_up

__all__ = ["app", "main"]

app = typer.Typer(
    name="doctr-serve",
    help="docTR's OCR as a gRPC service, with REST through Envoy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (_cli_serve, _cli_up, _cli_envoy, _cli_ocr, _cli_models):
    command.register(app)


def main() -> None:
    """Runs the command line."""
    app()
