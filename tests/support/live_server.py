"""The real server in a process of its own, with the models that ship with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doctr_serve.rpc.probe import grpc_is_serving
from support.tools import ROOT

__all__ = ["BUNDLED_PAIR", "live_server", "users_environment"]

BUNDLED_PAIR = (
    "--default-detection-model=bundled/db_mobilenet_v3_large",
    "--default-recognition-model=bundled/crnn_mobilenet_v3_small",
)
START_TIMEOUT_S = 120


def users_environment(**variables: str) -> dict[str, str]:
    """The environment without the runtime that the tests pin (conftest.py), and with more variables."""
    inherited = {name: value for name, value in os.environ.items() if name != "DOCTR_SERVE_RUNTIME"}
    return inherited | variables


@contextmanager
def live_server(folder: Path, *flags: str) -> Iterator[str]:
    """Runs ``doctr-serve serve`` on a free port until the block ends.

    Args:
        folder: for its log, ``server.log``, and its port file.
        flags: flags of ``doctr-serve serve`` on top of the bundled pair.

    Yields:
        ``host:port``, once health says SERVING.
    """
    port_file = folder / "port"
    command = [sys.executable, "-m", "doctr_serve", "serve", "--port=0", f"--port-file={port_file}"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, *BUNDLED_PAIR, *flags], stderr=log, cwd=ROOT, env=users_environment()
        )
        try:
            yield _address_once_serving(server, port_file, folder / "server.log")
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                raise


def _address_once_serving(server: subprocess.Popen[bytes], port_file: Path, log: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert server.poll() is None, f"the server ended with {server.returncode}:\n{log.read_text()}"
        if port_file.exists() and (port := port_file.read_text()) and grpc_is_serving(f"127.0.0.1:{port}"):
            return f"127.0.0.1:{port}"
        time.sleep(0.1)
    raise AssertionError(f"the server is not SERVING after {START_TIMEOUT_S} s:\n{log.read_text()}")
