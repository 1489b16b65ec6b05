"""Compiled models on disk: made once for each file of weights, compiler, processor and configuration."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from pathlib import Path

__all__ = ["CompiledCache"]

logger = logging.getLogger(__name__)


class CompiledCache:
    """Files of compiled models. Processes may share the folder: a file appears there whole or not at all.

    Args:
        folder: made where it is missing; None keeps nothing.
        compiler: what the result depends on besides the weights; another one finds nothing.
    """

    def __init__(self, folder: Path | None, compiler: str) -> None:
        self._folder = folder
        self._compiler = compiler

    def name_for(self, architecture: str, weights: Path) -> str:
        """Returns what the compiled model of these weights is called; reads all of the weights."""
        digest = hashlib.sha256(self._compiler.encode())
        with weights.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        return f"{architecture}-{digest.hexdigest()[:32]}.blob"

    def read(self, name: str) -> bytes | None:
        """Returns the compiled model of this name; None where there is none."""
        if self._folder is None:
            return None
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            return None

    def write(self, name: str, compiled: bytes) -> None:
        """Keeps a compiled model; a folder that cannot be written costs the next start its time, and no more."""
        if self._folder is None:
            return
        try:
            # For this user alone: what lies here is run.
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                file.write(compiled)
            os.replace(file.name, self._folder / name)
        except OSError as error:
            logger.warning(
                "compiled_model_not_kept", extra={"folder": str(self._folder), "problem": str(error)}
            )
