"""What the plain install does not bring."""

from __future__ import annotations

import importlib.util

import typer

__all__ = ["NEEDS_SERVER_EXTRA", "require_server_extra"]

NEEDS_SERVER_EXTRA = 'This command needs the server: pip install "doctr-serve[server]"'


def require_server_extra() -> None:
    """Ends the command, saying what to install, where the server's packages are missing.

    Raises:
        typer.Exit: with status 2.
    """
    if any(importlib.util.find_spec(name) is None for name in ("doctr", "torch", "grpc_health")):
        typer.echo(NEEDS_SERVER_EXTRA, err=True)
        raise typer.Exit(2)
