"""Models on disk as OpenVINO converted them: made once for each file of weights and version of OpenVINO."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MODEL_FILE", "ConvertedModels", "weights_digest"]

MODEL_FILE = "model.xml"
"""The graph; what it computes with lies beside it, in ``model.bin``."""

logger = logging.getLogger(__name__)


class ConvertedModels:
    """A folder for each converted model. Processes may share them: one appears there whole or not at all.

    Args:
        folder: made where it is missing; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, name: str) -> Path | None:
        """Returns the file of the model of this name; None where there is none."""
        file = self._folder / name / MODEL_FILE if self._folder is not None else None
        return file if file is not None and file.is_file() else None

    @contextmanager
    def make(self, name: str, convert: Callable[[Path], None]) -> Iterator[Path]:
        """Converts a model, and keeps it where that can be done: else the next start takes as long, and no more.

        Args:
            name: what it is to be called; a model of this name gives way.
            convert: writes the model to the file that it is given.

        Yields:
            The model's file; it may be gone after the block, but what is mapped of it stays.
        """
        with tempfile.TemporaryDirectory(
            dir=self._usable_folder(), prefix="new-", ignore_cleanup_errors=True
        ) as new:
            made = Path(new, name)
            made.mkdir()
            convert(made / MODEL_FILE)
            yield self._kept(made) / MODEL_FILE

    def _usable_folder(self) -> Path | None:
        if self._folder is None:
            return None
        try:
            # For this user alone: what lies here is run.
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                return self._folder
        except OSError as error:
            logger.warning(
                "converted_model_not_kept", extra={"folder": str(self._folder), "problem": str(error)}
            )
            return None

    def _kept(self, made: Path) -> Path:
        if self._folder is None or made.parent.parent != self._folder:
            return made
        kept = self._folder / made.name
        try:
            shutil.rmtree(kept, ignore_errors=True)
            return made.rename(kept)
        except OSError:  # another process was faster
            return made


def weights_digest(weights: Path) -> str:
    """Returns the SHA-256 of a file of weights, in hexadecimal digits."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
