"""The settings that a command runs with, and what it says of those that are wrong."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import typer
from pydantic import ValidationError

if TYPE_CHECKING:
    from doctr_serve.settings import Settings

__all__ = ["settings_environment", "settings_from_environment", "settings_from_flags"]

EXIT_USAGE = 2


def settings_from_environment() -> Settings:
    """Returns the settings of the environment alone.

    Raises:
        typer.Exit: with status 2, after saying which variable is wrong.
    """
    from doctr_serve.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"doctr-serve: DOCTR_SERVE_{name}: {problem['msg']}", err=True)
        raise typer.Exit(EXIT_USAGE) from None


def settings_from_flags(flags: list[str], *, program: str) -> Settings:
    """Returns the settings of the environment and of a command's flags.

    Args:
        flags: the command line after the command's name.
        program: the command, as messages name it; its ``--help`` lists the flags.

    Raises:
        typer.Exit: with status 2, after saying which flag or variable is wrong.
    """
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
        raise typer.Exit(EXIT_USAGE) from None
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"])
            typer.echo(f"{program}: {name}: {problem['msg']}", err=True)
        raise typer.Exit(EXIT_USAGE) from None


def settings_environment(settings: Settings) -> dict[str, str]:
    """Returns this process's environment with exactly these settings, for a server of its own.

    ``Settings()`` is equal to them there, whatever variables and flags they come from here.
    """
    prefix = settings.model_config["env_prefix"]
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith(prefix)}
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return others | {
        f"{prefix}{name.upper()}": _variable(value) for name, value in values.items() if value is not None
    }


def _variable(value: Any) -> str:
    """The value as a variable holds it; None is no variable, as it is the default wherever it may stand."""
    return json.dumps(value) if isinstance(value, bool | list) else str(value)
