"""The server's side of a conversion: a child process that does it and is gone, and its memory with it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from doctr_serve.catalog import CatalogEntry
from doctr_serve.settings import Settings

__all__ = ["ConversionError", "ConversionProcess"]

# -P: a folder named torch in the working directory must not become the converter.
COMMAND = (sys.executable, "-P", "-m", "doctr_serve.inference.runtimes.conversion")

TIMEOUT_S = 300.0
"""The slowest architecture (sar_resnet31) takes half a minute on two cores."""


class ConversionError(Exception):
    """A model that OpenVINO does not take, or not in time."""


class ConversionProcess:
    """Converts models, each in a process of its own.

    Args:
        settings: of the server: they say where weights are.
        timeout_s: seconds for one model.
        command: what to start; it gets the job on stdin.
    """

    def __init__(
        self, settings: Settings, *, timeout_s: float = TIMEOUT_S, command: Sequence[str] = COMMAND
    ) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._command = command

    def convert(self, entry: CatalogEntry, to: Path) -> None:
        """Converts a model.

        Args:
            entry: the model; its weights are on disk.
            to: file for the graph (.xml); the constants go to a .bin beside it.

        Raises:
            ConversionError: it could not be converted; says why.
        """
        job = {"settings": self._settings.model_dump(mode="json"), "model": entry.name, "to": str(to)}
        with tempfile.TemporaryFile() as errors:
            try:
                status = self._run(json.dumps(job), errors.fileno())
            except (OSError, subprocess.TimeoutExpired) as error:
                raise ConversionError(str(error)) from error
            if status != 0:
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip().splitlines() or [f"status {status}"]
                raise ConversionError(said[-1])

    def _run(self, job: str, stderr: int) -> int:
        with subprocess.Popen(  # noqa: S603 - the operator's own interpreter
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
            start_new_session=True,  # Ctrl-C is the server's; the child ends when its stdin does
        ) as process:
            try:
                with contextlib.suppress(BrokenPipeError):  # it died: its status says so
                    process.stdin.write(job + "\n")  # type: ignore[union-attr]
                    process.stdin.flush()  # type: ignore[union-attr]
                return process.wait(self._timeout_s)
            finally:
                process.kill()
