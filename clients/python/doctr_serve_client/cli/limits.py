"""``doctr-serve limits``: what a server takes. Needs the plain install only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from doctr_serve.v1 import ocr_pb2
from google.protobuf.message import Message

from doctr_serve_client import OCRClient, OCRError
from doctr_serve_client.cli.access import CAFile, ServerAddress, UseTLS, credentials
from doctr_serve_client.cli.terminal import printable
from doctr_serve_client.connection import DEFAULT_SERVER
from doctr_serve_client.results import to_dict

__all__ = ["register"]

EXIT_FAILED = 1
EXIT_USAGE = 2
MIB = 1024 * 1024


def register(app: typer.Typer) -> None:
    """Adds the command to the app."""
    app.command(name="limits")(limits)


def limits(
    as_json: Annotated[bool, typer.Option("--json", help="The REST answer, for programs.")] = False,
    server: ServerAddress = DEFAULT_SERVER,
    timeout_s: Annotated[
        float, typer.Option(min=0.001, help="Seconds the call may take, retries included.")
    ] = 30.0,
    tls: UseTLS = False,
    ca_file: CAFile = None,
) -> None:
    """Print a server's limits, the formats it takes and its defaults."""
    try:
        with OCRClient(server, timeout_s=timeout_s, credentials=credentials(tls, ca_file)) as client:
            answer = client.limits()
    except ValueError as error:
        raise _failed(error, EXIT_USAGE) from None
    except OCRError as error:
        raise _failed(error, EXIT_FAILED) from None
    typer.echo(json.dumps(to_dict(answer), indent=2) if as_json else _table(answer))


def _failed(error: Exception, status: int) -> typer.Exit:
    typer.echo(f"doctr-serve limits: {printable(str(error))}", err=True)
    return typer.Exit(status)


def _table(answer: ocr_pb2.GetLimitsResponse) -> str:
    rows = [*_rows(answer), *_rows(answer.limits)]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(width)}  {value}" for name, value in rows]
    lines += ["", "formats", *(f"  {known.name}: {' '.join(known.extensions)}" for known in answer.formats)]
    return printable("\n".join(lines), keep="\n")


def _rows(message: Message) -> Iterator[tuple[str, str]]:
    """The message's fields that are single values, by name."""
    for field in message.DESCRIPTOR.fields:
        if not field.is_repeated and field.message_type is None:
            yield field.name, _text(field.name, getattr(message, field.name))


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if name.endswith("_bytes") and value and value % MIB == 0:
        return f"{value} ({value // MIB} MiB)"
    return str(value)
