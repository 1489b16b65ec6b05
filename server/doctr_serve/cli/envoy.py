"""``doctr-serve envoy``: the REST edge in front of one or several servers."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from doctr_serve.edge.config import Config, EnvoyOptions, InvalidAddressError, render

__all__ = ["AccessLog", "CorsOrigins", "register"]

START_TIMEOUT_S = 30.0
POLL_INTERVAL_S = 0.2

CorsOrigins = Annotated[
    list[str] | None,
    typer.Option(
        "--cors-origin",
        help="Origin whose pages may call from a browser, such as https://app.example.com, or *. "
        "Repeatable. Default: pages of localhost.",
        show_default=False,
    ),
]
"""Flag of ``doctr-serve envoy`` and ``doctr-serve up``."""
AccessLog = Annotated[str, typer.Option(help="A file for a JSON line per request; - is stdout, off is none.")]
"""Flag of ``doctr-serve envoy`` and ``doctr-serve up``."""


def register(app: typer.Typer) -> None:
    """Adds the command to the app."""
    app.command(name="envoy")(envoy)


def envoy(
    listen: Annotated[
        str, typer.Option(help="host:port for REST, gRPC and grpc-web; 0.0.0.0:8080 for every interface.")
    ] = EnvoyOptions.listen,
    upstream: Annotated[
        list[str] | None,
        typer.Option(
            help="host:port of the server; a DNS name stands for all of its addresses. Repeatable. "
            f"Default: {', '.join(EnvoyOptions.upstreams)}.",
            show_default=False,
        ),
    ] = None,
    admin: Annotated[
        str, typer.Option(help="host:port of Envoy's admin interface. Keep it on loopback.")
    ] = EnvoyOptions.admin,
    max_request_bytes: Annotated[
        int,
        typer.Option(
            min=1,
            envvar="DOCTR_SERVE_MAX_REQUEST_BYTES",
            help="Largest body of POST /ocr, as on the server.",
        ),
    ] = EnvoyOptions.max_request_bytes,
    request_timeout_s: Annotated[
        float,
        typer.Option(
            min=0.1,
            envvar="DOCTR_SERVE_REQUEST_TIMEOUT_S",
            help="The server's request_timeout_s; Envoy's own limits come 60 s later.",
        ),
    ] = EnvoyOptions.request_timeout_s,
    drain_timeout_s: Annotated[
        float,
        typer.Option(
            min=0, envvar="DOCTR_SERVE_DRAIN_TIMEOUT_S", help="On SIGTERM, seconds for requests in flight."
        ),
    ] = 30.0,
    cors_origins: CorsOrigins = None,
    access_log: AccessLog = EnvoyOptions.access_log,
    log_level: Annotated[
        str, typer.Option(help="Envoy's own log, on stderr: debug to critical, off.")
    ] = "warning",
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Worker threads. Default: one per core.", show_default=False)
    ] = None,
    port_file: Annotated[
        Path | None, typer.Option(help="File that receives the port once Envoy listens (for port 0).")
    ] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print Envoy's configuration instead of running it.")
    ] = False,
) -> None:
    """Run Envoy in front of the server: REST, gRPC and grpc-web on one port. SIGTERM drains."""
    options = EnvoyOptions(
        listen=listen,
        upstreams=tuple(upstream or EnvoyOptions.upstreams),
        admin=admin,
        max_request_bytes=max_request_bytes,
        request_timeout_s=request_timeout_s,
        cors_origins=tuple(cors_origins or EnvoyOptions.cors_origins),
        access_log=access_log,
    )
    try:
        config = render(options)
    except ImportError:
        typer.echo('This command needs the server: pip install "doctr-serve[server]"', err=True)
        raise typer.Exit(2) from None
    except InvalidAddressError as error:
        typer.echo(f"doctr-serve: {error}", err=True)
        raise typer.Exit(2) from None
    if print_config:
        _print(config)
    else:
        raise typer.Exit(_run(config, drain_timeout_s, log_level, concurrency, port_file))


def _print(config: Config) -> None:
    import yaml

    typer.echo(yaml.safe_dump(config, sort_keys=False, width=120))


def _run(
    config: Config, drain_timeout_s: float, log_level: str, concurrency: int | None, port_file: Path | None
) -> int:
    """Runs Envoy until it ends, or until SIGTERM or SIGINT; returns the exit status."""
    from doctr_serve.edge.envoy_process import EnvoyError, EnvoyProcess

    stop_requested = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop_requested.set())
    try:
        with EnvoyProcess(config, log_level=log_level, concurrency=concurrency) as process:
            port = process.listening_port(START_TIMEOUT_S)
            if port_file is not None:
                port_file.write_text(str(port))
            while not stop_requested.is_set():
                status = process.wait(POLL_INTERVAL_S)
                if status is not None:
                    return status
            if not process.drain(drain_timeout_s):
                typer.echo(f"doctr-serve: requests still ran after {drain_timeout_s:g} s", err=True)
            return 0
    except EnvoyError as error:
        typer.echo(f"doctr-serve: {error}", err=True)
        return 1
