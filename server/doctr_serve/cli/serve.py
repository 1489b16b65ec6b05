"""``doctr-serve serve``: the gRPC server; every setting is a flag."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from doctr_serve.cli.configuration import settings_from_flags
from doctr_serve.cli.extras import require_server_extra

if TYPE_CHECKING:
    from doctr_serve.settings import Settings

__all__ = ["register"]

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
    if settings.device == "cpu":
        _do_without_triton()
    _run(settings)


def _do_without_triton() -> None:
    """Keeps torch from importing triton, which compiles for GPUs and takes 75 MB; it does without where there is none.

    For this process alone, which runs nothing but the server: hence not in the library.
    """
    sys.modules.setdefault("triton", None)  # type: ignore[arg-type]  # None: an import fails


def _run(settings: Settings) -> None:
    from doctr_serve.common.logs import configure_logs
    from doctr_serve.errors import DoctrServeError, WeightsUnavailableError
    from doctr_serve.rpc.server import serve as run_server

    configure_logs(settings.log_format, settings.log_level)
    try:
        run_server(settings)
    except (DoctrServeError, RuntimeError) as error:
        typer.echo(f"doctr-serve: {error}", err=True)
        if isinstance(error, WeightsUnavailableError):
            typer.echo(WITHOUT_WEIGHTS, err=True)
        raise typer.Exit(1) from None
