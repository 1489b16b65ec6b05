"""The two programs of ``doctr-serve up``: how each is started, also again after a crash, and when it is ready."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from doctr_serve.common.addresses import host_and_port
from doctr_serve.edge.child import Child
from doctr_serve.edge.config import EnvoyOptions, render
from doctr_serve.edge.envoy_process import EnvoyProcess
from doctr_serve.edge.supervisor import rest_is_ready

if TYPE_CHECKING:
    from doctr_serve.settings import Settings

__all__ = ["EdgeTask", "ServerTask"]

EVERY_INTERFACE = ("0.0.0.0", "::", "[::]")  # noqa: S104 - compared with, not bound
SERVER_COMMAND = (sys.executable, "-m", "doctr_serve", "serve")


class ServerTask:
    """The gRPC server. Started again it listens on the same port, which Envoy knows.

    Args:
        settings: the server's settings.
        environment: its whole environment, the settings in it.
        folder: for the file with its port, unless the settings name one.
        is_serving: whether the server at ``host:port`` takes requests.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        folder: Path,
        is_serving: Callable[[str], bool],
    ) -> None:
        self._is_serving = is_serving
        self._host = "127.0.0.1" if settings.host in EVERY_INTERFACE else settings.host
        self._prefix = settings.model_config["env_prefix"]
        self._port_file = settings.port_file or folder / "grpc-port"
        self._environment = {**environment, f"{self._prefix}PORT_FILE": str(self._port_file)}
        self.address = ""
        """``host:port`` where it is reached; empty until it listens."""

    def launch(self) -> Child:
        """Starts it."""
        self._port_file.unlink(missing_ok=True)
        return Child(SERVER_COMMAND, env=self._environment)

    def is_serving(self) -> bool:
        """Whether it takes requests."""
        port = self._port_file.read_text() if self._port_file.exists() else ""
        if not port:
            return False
        self._environment[f"{self._prefix}PORT"] = port
        self.address = host_and_port(self._host, port)
        return self._is_serving(self.address)


class EdgeTask:
    """Envoy. Started again it listens on the same port, which callers know.

    Args:
        options: its addresses and limits.
    """

    def __init__(self, options: EnvoyOptions) -> None:
        self._options = options
        self._host = options.listen.rpartition(":")[0]
        self._process: EnvoyProcess | None = None
        self.address = ""
        """``host:port`` where it is reached; empty until it listens."""

    def launch(self) -> EnvoyProcess:
        """Starts it.

        Raises:
            EnvoyError: it is not installed.
        """
        self._process = EnvoyProcess(render(self._options))
        return self._process

    def is_ready(self) -> bool:
        """Whether a call goes through it to the server."""
        if self._process is None or not self._process.is_live():
            return False
        port = self._process.port()
        self._options = replace(self._options, listen=f"{self._host}:{port}")
        self.address = f"{'localhost' if self._host in EVERY_INTERFACE else self._host}:{port}"
        return rest_is_ready("127.0.0.1" if self._host in EVERY_INTERFACE else self._host.strip("[]"), port)
