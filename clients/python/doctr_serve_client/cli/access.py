"""What the commands that call a server need to get in: its address, its certificates and the PDFs' password."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import grpc
import typer

__all__ = ["CAFile", "ServerAddress", "UseTLS", "credentials", "pdf_password"]

ServerAddress = Annotated[str, typer.Option(envvar="DOCTR_SERVE_SERVER", help="The server's host:port.")]
UseTLS = Annotated[bool, typer.Option("--tls", help="Connect with TLS.")]
CAFile = Annotated[
    Path | None, typer.Option(help="Certificates (PEM) to trust instead of the system's; implies --tls.")
]


PASSWORD_VARIABLE = "DOCTR_SERVE_PDF_PASSWORD"  # noqa: S105 - the name of a variable


def credentials(tls: bool, ca_file: Path | None) -> grpc.ChannelCredentials | None:
    """TLS with the system's certificates or those of ``ca_file``; None for plaintext.

    Raises:
        ValueError: a file that cannot be read or has no certificate in it; gRPC would say so for every file, and
            in words of its own.
    """
    if ca_file is None:
        return grpc.ssl_channel_credentials() if tls else None
    certificates = _read_file(ca_file)
    if b"CERTIFICATE-----" not in certificates:
        raise ValueError(f"{ca_file}: has no certificate in PEM form in it")
    return grpc.ssl_channel_credentials(certificates)


def pdf_password(ask: bool, password_file: Path | None) -> str | None:
    """The password asked for, of the file or of the environment; never an argument, which all users see (ps).

    Raises:
        ValueError: a file that cannot be read, a password that is empty or no UTF-8.
    """
    if ask:
        return str(typer.prompt("Password of the PDFs", hide_input=True, err=True))
    if password_file is not None:
        return _first_line(password_file)
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is not None and not _is_utf8(password):
        raise ValueError(f"{PASSWORD_VARIABLE}: the password is no UTF-8")
    return password


def _is_utf8(text: str) -> bool:
    """Whether the bytes behind a variable were UTF-8: others come as halves of surrogate pairs."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _first_line(path: Path) -> str:
    try:
        # Editors on Windows begin UTF-8 with a byte order mark and end lines with CR LF.
        text = _read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: the password is no UTF-8; save the file as UTF-8") from None
    password = text.partition("\n")[0].removesuffix("\r")
    if not password:
        raise ValueError(f"{path}: its first line, the password, is empty")
    return password


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
