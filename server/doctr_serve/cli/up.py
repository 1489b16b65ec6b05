"""``doctr-serve up``: the server with Envoy in front of it, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctr_serve.cli.configuration import settings_environment, settings_from_flags
from doctr_serve.cli.envoy import AccessLog, CorsOrigins, check_addresses
from doctr_serve.cli.extras import require_server_extra
from doctr_serve.edge.config import EnvoyOptions

if TYPE_CHECKING:
    from doctr_serve.settings import Settings

__all__ = ["register"]

STOP_MARGIN_S = 10.0
"""Seconds a child may take to stop beyond drain_timeout_s."""
MAX_RESTARTS = 3
"""Crashes of the server, and of Envoy, that `up` answers with a new start, in ten minutes."""


def register(app: typer.Typer) -> None:
    """Adds the command to the app."""
    app.command(
        name="up",
        # Flags it does not know are settings, -h among them if it were not named here.
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "help_option_names": ["--help", "-h"],
        },
    )(up)


def up(
    context: typer.Context,
    bundled: Annotated[
        bool, typer.Option("--bundled", help="Make the models that ship with doctr-serve the default pair.")
    ] = False,
    rest_address: Annotated[
        str, typer.Option(help="host:port where Envoy takes REST, gRPC and grpc-web.")
    ] = EnvoyOptions.listen,
    cors_origins: CorsOrigins = None,
    access_log: AccessLog = EnvoyOptions.access_log,
) -> None:
    """Run the gRPC server and Envoy in front of it, until Ctrl-C.

    Every setting of the server is a flag here too (--port, --max-pages, ...):
    `doctr-serve serve --help` lists them.
    """
    require_server_extra()
    settings = settings_from_flags(context.args, program="doctr-serve up")
    if "log_format" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_format": "console"})  # people start it by hand
    if bundled:
        settings = _with_bundled_models(settings)
    envoy_options = EnvoyOptions(
        listen=rest_address,
        admin="127.0.0.1:0",  # a fixed port may be taken
        max_request_bytes=settings.max_request_bytes,
        max_message_bytes=settings.max_message_bytes,
        request_timeout_s=settings.request_timeout_s,
        send_timeout_s=settings.send_timeout_s,
        cors_origins=tuple(cors_origins or EnvoyOptions.cors_origins),
        access_log=access_log,
    )
    check_addresses(envoy_options)  # before the server takes its time to start
    raise typer.Exit(_run(settings, envoy_options))


def _run(settings: Settings, envoy_options: EnvoyOptions) -> int:
    """Runs both until a signal asks to stop, or one of them cannot be kept running; returns the exit status."""
    from doctr_serve.edge.envoy_process import EnvoyError
    from doctr_serve.edge.stack import EdgeTask, ServerTask
    from doctr_serve.edge.supervisor import ChildDiedError, StopRequested, Supervisor
    from doctr_serve.rpc.probe import grpc_is_serving

    stop_timeout_s = settings.drain_timeout_s + STOP_MARGIN_S
    with (
        tempfile.TemporaryDirectory(prefix="doctr-serve-") as folder,
        Supervisor(stop_timeout_s=stop_timeout_s, max_restarts=MAX_RESTARTS) as supervisor,
    ):
        try:
            server = ServerTask(settings, settings_environment(settings), Path(folder), grpc_is_serving)
            supervisor.start("the server", server.launch)
            supervisor.wait_until(server.is_serving)
            edge = EdgeTask(replace(envoy_options, upstreams=(server.address,)))
            supervisor.start("Envoy", edge.launch)
            supervisor.wait_until(edge.is_ready)
            typer.echo(_welcome(settings, server.address, edge.address))
            supervisor.wait()
        except StopRequested:
            return 0
        except (ChildDiedError, EnvoyError) as error:
            typer.echo(f"doctr-serve: {error}", err=True)
            return error.status if isinstance(error, ChildDiedError) else 1


def _with_bundled_models(settings: Settings) -> Settings:
    """The settings with the bundled pair as the default one; flags and variables that name other models hold."""
    from doctr_serve.catalog import Catalog, WeightsSource

    models: dict[str, str] = {}
    for entry in Catalog(settings).entries():
        setting = f"default_{entry.task.name.lower()}_model"
        is_open = setting in type(settings).model_fields and setting not in settings.model_fields_set
        if is_open and entry.source is WeightsSource.BUNDLED:
            models.setdefault(setting, entry.name)
    return settings.model_copy(update=models)


def _welcome(settings: Settings, grpc_address: str, rest_address: str) -> str:
    """What to try first, with a sample document where the repository is here."""
    sample = Path(__file__).resolve().parents[3] / "samples" / "letter.pdf"
    document = os.path.relpath(sample) if sample.exists() else "letter.pdf"
    return (
        "\n"
        f"doctr-serve is ready: {settings.default_detection_model} and "
        f"{settings.default_recognition_model} read your documents.\n"
        "\n"
        f"    curl -F files=@{shlex.quote(document)} http://{rest_address}/ocr\n"
        "\n"
        f"gRPC at {grpc_address}; REST, gRPC and grpc-web through Envoy at {rest_address}. "
        "Ctrl-C stops both.\n"
    )
