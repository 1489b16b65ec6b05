"""``doctr-serve up``: the server with Envoy in front of it, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctr_serve._cli_serve import settings_from_flags
from doctr_serve._extras import require_server_extra
from doctr_serve.addresses import host_and_port

if TYPE_CHECKING:
    from doctr_serve.settings import Settings
    from doctr_serve.supervisor import Supervisor

__all__ = ["register"]

EVERY_INTERFACE = ("0.0.0.0", "::", "[::]")  # noqa: S104 - compared with, not bound
COMMAND = (sys.executable, "-m", "doctr_serve")
STOP_MARGIN_S = 10.0
"""Seconds a child may take to stop beyond drain_timeout_s."""


def register(app: typer.Typer) -> None:
    """Adds the command to the app."""
    app.command(
        name="up",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(up)


def up(
    context: typer.Context,
    bundled: Annotated[
        bool, typer.Option("--bundled", help="Make the models that ship with doctr-serve the default pair.")
    ] = False,
    rest_address: Annotated[
        str, typer.Option(help="host:port where Envoy takes REST, gRPC and grpc-web.")
    ] = "127.0.0.1:8080",
) -> None:
    """Run the gRPC server and Envoy in front of it. Every flag of `doctr-serve serve` may be given too."""
    require_server_extra()
    from doctr_serve.supervisor import ChildDiedError, StopRequested, Supervisor

    os.environ.setdefault("DOCTR_SERVE_LOG_FORMAT", "console")  # people start it by hand
    if bundled:
        _default_to_bundled_models()
    settings = settings_from_flags(context.args, program="doctr-serve up")
    with (
        tempfile.TemporaryDirectory(prefix="doctr-serve-") as folder,
        Supervisor(stop_timeout_s=settings.drain_timeout_s + STOP_MARGIN_S) as supervisor,
    ):
        try:
            grpc_address = _start_server(supervisor, context.args, settings, Path(folder))
            rest_address = _start_envoy(supervisor, settings, grpc_address, rest_address, Path(folder))
            typer.echo(_welcome(settings, grpc_address, rest_address))
            supervisor.wait()
        except StopRequested:
            pass
        except ChildDiedError as error:
            typer.echo(f"doctr-serve: {error}", err=True)
            raise typer.Exit(error.status) from None


def _start_server(supervisor: Supervisor, flags: list[str], settings: Settings, folder: Path) -> str:
    """Starts the gRPC server and returns its host:port once it is SERVING."""
    from doctr_serve.supervisor import grpc_is_serving

    port_file = settings.port_file or folder / "grpc-port"
    port_file.unlink(missing_ok=True)
    command = [*COMMAND, "serve", *flags, "--port-file", str(port_file)]
    supervisor.start("the server", command, os.environ)
    supervisor.wait_until(lambda: _written(port_file))
    host = "127.0.0.1" if settings.host in EVERY_INTERFACE else settings.host
    address = host_and_port(host, port_file.read_text())
    supervisor.wait_until(lambda: grpc_is_serving(address))
    return address


def _start_envoy(supervisor: Supervisor, settings: Settings, upstream: str, listen: str, folder: Path) -> str:
    """Starts Envoy with the server's limits and returns its host:port once a call goes through it."""
    from doctr_serve.supervisor import rest_is_ready

    port_file = folder / "rest-port"
    limits = {
        f"DOCTR_SERVE_{name.upper()}": str(getattr(settings, name))
        for name in ("max_request_bytes", "request_timeout_s")
    }
    # It stops after the server, when nothing is left to drain. Admin port 0: a fixed one may be taken.
    limits["DOCTR_SERVE_DRAIN_TIMEOUT_S"] = "0"
    flags = [
        "--listen",
        listen,
        "--upstream",
        upstream,
        "--admin",
        "127.0.0.1:0",
        "--port-file",
        str(port_file),
    ]
    supervisor.start("Envoy", [*COMMAND, "envoy", *flags], {**os.environ, **limits})
    supervisor.wait_until(lambda: _written(port_file))
    host = listen.rpartition(":")[0]
    port = port_file.read_text()
    supervisor.wait_until(lambda: rest_is_ready("127.0.0.1" if host in EVERY_INTERFACE else host, int(port)))
    return f"{'localhost' if host in EVERY_INTERFACE else host}:{port}"


def _written(file: Path) -> bool:
    return file.exists() and file.read_text() != ""


def _default_to_bundled_models() -> None:
    """Makes the bundled pair the default one; flags and variables that name other models hold."""
    from doctr_serve.inference.catalog import Catalog, ModelTask, WeightsSource
    from doctr_serve.settings import Settings

    for entry in Catalog(Settings()).entries():
        if entry.source is WeightsSource.BUNDLED and entry.task in (
            ModelTask.DETECTION,
            ModelTask.RECOGNITION,
        ):
            os.environ.setdefault(f"DOCTR_SERVE_DEFAULT_{entry.task.name}_MODEL", entry.name)


def _welcome(settings: Settings, grpc_address: str, rest_address: str) -> str:
    """What to try first, with a sample document where the repository is here."""
    sample = Path(__file__).resolve().parents[2] / "samples" / "letter.pdf"
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
