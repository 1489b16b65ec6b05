"""``doctr-serve serve``: the gRPC server; every setting is a flag."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import typer

from doctr_serve._extras import require_server_extra

if TYPE_CHECKING:
    from doctr_serve.settings import Settings

__all__ = ["register", "settings_from_flags"]

WITHOUT_WEIGHTS = (
    "Without a download the models that ship with doctr-serve read at once: doctr-serve serve "
    "--default-detection-model bundled/db_mobilenet_v3_large "
    "--default-recognition-model bundled/crnn_mobilenet_v3_small"
)


def register(app: typer.Typer) -> None:
    """Adds the command to the app."""
    app.command(
        name="serve",
        # pydantic-settings reads the flags and prints the help, so that settings exist in one place only.
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )(serve)


def serve(context: typer.Context) -> None:
    """Run the gRPC server. `doctr-serve serve --help` lists every setting."""
    settings = settings_from_flags(context.args, program="doctr-serve serve")
    require_server_extra()
    _run(settings)


def settings_from_flags(flags: list[str], *, program: str) -> Settings:
    """Returns the settings of the environment and of a command's flags.

    Args:
        flags: the command line after the command's name.
        program: the command, as messages name it; its ``--help`` lists the flags.

    Raises:
        typer.Exit: with status 2, after saying which flag or variable is wrong.
    """
    from pydantic import ValidationError
    from pydantic_settings import CliApp, CliSettingsSource, SettingsError

    from doctr_serve.settings import Settings, unknown_variables

    for name in unknown_variables(os.environ):
        typer.echo(f"{program}: warning: {name} is no setting and has no effect", err=True)
    try:
        source = CliSettingsSource[Any](Settings, cli_prog_name=program, cli_exit_on_error=False)
        source.root_parser.usage = "%(prog)s [flags]"  # argparse would list every flag, 30 lines of them
        return CliApp.run(Settings, cli_args=flags, cli_settings_source=source)
    except SettingsError as error:
        message = str(error).removeprefix("error parsing CLI: ")
        typer.echo(f"{program}: {message}; {program} --help tells the flags", err=True)
        raise typer.Exit(2) from None
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"])
            typer.echo(f"{program}: {name}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None


def _run(settings: Settings) -> None:
    from doctr_serve.errors import DoctrServeError, WeightsUnavailableError
    from doctr_serve.logs import configure_logs
    from doctr_serve.server import serve as run_server

    configure_logs(settings.log_format, settings.log_level)
    try:
        run_server(settings)
    except (DoctrServeError, RuntimeError) as error:
        typer.echo(f"doctr-serve: {error}", err=True)
        if isinstance(error, WeightsUnavailableError):
            typer.echo(WITHOUT_WEIGHTS, err=True)
        raise typer.Exit(1) from None
