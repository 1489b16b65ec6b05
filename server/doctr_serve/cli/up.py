"""``doctr-serve up``: the server with Envoy in front of it, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctr_serve.cli.configuration import settings_from_flags
from doctr_serve.cli.envoy import AccessLog, CorsOrigins
from doctr_serve.cli.extras import require_server_extra
from doctr_serve.common.addresses import host_and_port
from doctr_serve.edge.config import EnvoyOptions

if TYPE_CHECKING:
    from doctr_serve.edge.supervisor import Supervisor
    from doctr_serve.settings import Settings

__all__ = ["register"]

EVERY_INTERFACE = ("0.0.0.0", "::", "[::]")  # noqa: S104 - compared with, not bound
COMMAND = (sys.executable, "-m", "doctr_serve")
STOP_MARGIN_S = 10.0
"""Seconds a child may take to stop beyond drain_timeout_s."""


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
    from doctr_serve.edge.supervisor import ChildDiedError, StopRequested, Supervisor

    os.environ.setdefault("DOCTR_SERVE_LOG_FORMAT", "console")  # people start it by hand
    settings = settings_from_flags(context.args, program="doctr-serve up")
    if bundled:
        settings = _with_bundled_models(settings)
    envoy_options = EnvoyOptions(
        listen=rest_address,
        admin="127.0.0.1:0",  # a fixed port may be taken
        max_request_bytes=settings.max_request_bytes,
        request_timeout_s=settings.request_timeout_s,
        cors_origins=tuple(cors_origins or EnvoyOptions.cors_origins),
        access_log=access_log,
    )
    with (
        tempfile.TemporaryDirectory(prefix="doctr-serve-") as folder,
        Supervisor(stop_timeout_s=settings.drain_timeout_s + STOP_MARGIN_S) as supervisor,
    ):
        try:
            grpc_address = _start_server(supervisor, context.args, settings, Path(folder))
            envoy_options = replace(envoy_options, upstreams=(grpc_address,))
            rest_address = _start_envoy(supervisor, envoy_options, Path(folder))
            typer.echo(_welcome(settings, grpc_address, rest_address))
            supervisor.wait()
        except StopRequested:
            pass
        except ChildDiedError as error:
            typer.echo(f"doctr-serve: {error}", err=True)
            raise typer.Exit(error.status) from None


def _start_server(supervisor: Supervisor, flags: list[str], settings: Settings, folder: Path) -> str:
    """Starts the gRPC server and returns its host:port once it is SERVING."""
    from doctr_serve.edge.supervisor import grpc_is_serving

    port_file = settings.port_file or folder / "grpc-port"
    port_file.unlink(missing_ok=True)
    command = [*COMMAND, "serve", *flags, f"--port-file={port_file}"]
    supervisor.start("the server", command, _server_environment(settings))
    supervisor.wait_until(lambda: _written(port_file))
    host = "127.0.0.1" if settings.host in EVERY_INTERFACE else settings.host
    address = host_and_port(host, port_file.read_text())
    supervisor.wait_until(lambda: grpc_is_serving(address))
    return address


def _server_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with the default models, which --bundled may have chosen.

    Without the variables that have no effect: the server would warn of them a second time.
    """
    from doctr_serve.settings import unknown_variables

    without_effect = unknown_variables(os.environ)
    return {
        **{name: value for name, value in os.environ.items() if name not in without_effect},
        "DOCTR_SERVE_DEFAULT_DETECTION_MODEL": settings.default_detection_model,
        "DOCTR_SERVE_DEFAULT_RECOGNITION_MODEL": settings.default_recognition_model,
    }


def _start_envoy(supervisor: Supervisor, options: EnvoyOptions, folder: Path) -> str:
    """Starts Envoy and returns its host:port once a call goes through it."""
    from doctr_serve.edge.supervisor import rest_is_ready

    port_file = folder / "rest-port"
    flags = [
        f"--listen={options.listen}",
        *(f"--upstream={upstream}" for upstream in options.upstreams),
        f"--admin={options.admin}",
        f"--max-request-bytes={options.max_request_bytes}",
        f"--request-timeout-s={options.request_timeout_s}",
        "--drain-timeout-s=0",  # it stops after the server, when nothing is left to drain
        *(f"--cors-origin={origin}" for origin in options.cors_origins),
        f"--access-log={options.access_log}",
        f"--port-file={port_file}",
    ]
    supervisor.start("Envoy", [*COMMAND, "envoy", *flags], os.environ)
    supervisor.wait_until(lambda: _written(port_file))
    host = options.listen.rpartition(":")[0]
    port = port_file.read_text()
    supervisor.wait_until(lambda: rest_is_ready("127.0.0.1" if host in EVERY_INTERFACE else host, int(port)))
    return f"{'localhost' if host in EVERY_INTERFACE else host}:{port}"


def _written(file: Path) -> bool:
    return file.exists() and file.read_text() != ""


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
