"""``doctr-serve serve``: the gRPC server; every setting is a flag."""

from __future__ import annotations

import typer
from pydantic import ValidationError
from pydantic_settings import CliApp

from doctr_serve._extras import require_server_extra

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to the app."""
    app.command(
        name="serve",
        # pydantic-settings reads the flags and prints the help, so that settings exist in one place only.
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )(serve)


def serve(context: typer.Context) -> None:
    """Run the gRPC server. `doctr-serve serve --help` lists every setting."""
    from doctr_serve.settings import Settings

    try:
        settings = CliApp.run(Settings, cli_args=context.args, cli_prog_name="doctr-serve serve")
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"])
            typer.echo(f"{name}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None
    require_server_extra()
    _run(settings)


def _run(settings) -> None:  # type: ignore[no-untyped-def]
    from doctr_serve.errors import DoctrServeError
    from doctr_serve.logs import configure_logs
    from doctr_serve.server import serve as run_server

    configure_logs(settings.log_format, settings.log_level)
    try:
        run_server(settings)
    except (DoctrServeError, RuntimeError) as error:
        typer.echo(f"doctr-serve: {error}", err=True)
        raise typer.Exit(1) from None
