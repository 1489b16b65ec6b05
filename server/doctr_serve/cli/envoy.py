"""``doctr-serve envoy``: the REST edge in front of one or several servers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from doctr_serve.cli.extras import NEEDS_SERVER_EXTRA
from doctr_serve.edge.config import Config, EnvoyOptions, InvalidAddressError, parse_address, render
from doctr_serve.edge.listening import CannotListenError, require_free

__all__ = ["AccessLog", "CorsOrigins", "check_addresses", "register"]

START_TIMEOUT_S = 30.0
SIGNAL_POLL_INTERVAL_S = 0.2

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
    max_message_bytes: Annotated[
        int,
        typer.Option(
            min=1,
            envvar="DOCTR_SERVE_MAX_MESSAGE_BYTES",
            help="The server's max_message_bytes, in which a body of JSON has to fit.",
        ),
    ] = EnvoyOptions.max_message_bytes,
    request_timeout_s: Annotated[
        float,
        typer.Option(
            min=0.1,
            envvar="DOCTR_SERVE_REQUEST_TIMEOUT_S",
            help="The server's request_timeout_s; Envoy's own limits come 60 s later.",
        ),
    ] = EnvoyOptions.request_timeout_s,
    send_timeout_s: Annotated[
        float,
        typer.Option(
            min=0.1,
            envvar="DOCTR_SERVE_SEND_TIMEOUT_S",
            help="The server's send_timeout_s; also for the end of an answer, which only Envoy still holds.",
        ),
    ] = EnvoyOptions.send_timeout_s,
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
    reuse_port: Annotated[
        bool,
        typer.Option(
            "--reuse-port",
            help="Share the port of --listen with other Envoys that have this flag, as while one replaces another.",
        ),
    ] = EnvoyOptions.reuse_port,
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
        max_message_bytes=max_message_bytes,
        request_timeout_s=request_timeout_s,
        send_timeout_s=send_timeout_s,
        cors_origins=tuple(cors_origins or EnvoyOptions.cors_origins),
        access_log=access_log,
        reuse_port=reuse_port,
    )
    try:
        config = render(options)
    except ImportError:
        typer.echo(NEEDS_SERVER_EXTRA, err=True)
        raise typer.Exit(2) from None
    except InvalidAddressError as error:
        typer.echo(f"doctr-serve: {error}", err=True)
        raise typer.Exit(2) from None
    if print_config:
        _print(config)
        return
    check_addresses(options)
    raise typer.Exit(_run(config, drain_timeout_s, log_level, concurrency, port_file))


def check_addresses(options: EnvoyOptions) -> None:
    """Returns at once where Envoy can listen on its addresses.

    Raises:
        typer.Exit: after saying which address is wrong (status 2) or taken (status 1).
    """
    addresses = [options.admin] if options.reuse_port else [options.listen, options.admin]
    try:
        for address in addresses:
            require_free(*parse_address(address))
    except InvalidAddressError as error:
        typer.echo(f"doctr-serve: {error}", err=True)
        raise typer.Exit(2) from None
    except CannotListenError as error:
        typer.echo(f"doctr-serve: {error}", err=True)
        raise typer.Exit(1) from None


def _print(config: Config) -> None:
    import yaml

    typer.echo(yaml.safe_dump(config, sort_keys=False, width=120))


def _run(
    config: Config, drain_timeout_s: float, log_level: str, concurrency: int | None, port_file: Path | None
) -> int:
    """Runs Envoy until it ends, or until a signal asks to stop, a second one at once; returns the exit status."""
    from doctr_serve.common.stop_signals import StopSignals
    from doctr_serve.edge.envoy_process import EnvoyError, EnvoyProcess

    try:
        with (
            StopSignals() as signals,
            EnvoyProcess(config, log_level=log_level, concurrency=concurrency) as process,
        ):
            port = process.listening_port(START_TIMEOUT_S)
            if port_file is not None:
                port_file.write_text(str(port))
            while not signals.count:
                status = process.wait(SIGNAL_POLL_INTERVAL_S)
                if status is not None:
                    return status
            if not process.drain(drain_timeout_s, hurry=lambda: signals.count >= 2):
                typer.echo("doctr-serve: Envoy ends while requests still run", err=True)
            return 0
    except EnvoyError as error:
        typer.echo(f"doctr-serve: {error}", err=True)
        return 1
