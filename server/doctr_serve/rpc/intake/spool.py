"""Uploaded bytes: small documents stay in memory, larger ones go to a temporary file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

__all__ = ["Spool"]


class Spool:
    """One document's bytes as they arrive.

    Args:
        max_memory_bytes: bytes kept in memory; once there are more, all of them move to a file (mode 0600).
        directory: where that file is made. Its owner deletes it, so it should be a private one that lives
            as long as the request.
    """

    def __init__(self, max_memory_bytes: int, directory: Path) -> None:
        self._max_memory_bytes = max_memory_bytes
        self._directory = directory
        self._pieces: list[bytes] = []
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self.size_bytes = 0

    def write(self, piece: bytes) -> None:
        """Appends bytes.

        Raises:
            OSError: the temporary file cannot be written, e.g. the disk is full.
        """
        self.size_bytes += len(piece)
        if self._file is None and self.size_bytes > self._max_memory_bytes:
            descriptor, name = tempfile.mkstemp(dir=self._directory)
            self._file, self._path = os.fdopen(descriptor, "wb"), Path(name)
            self._file.writelines(self._pieces)
            self._pieces = []
        if self._file is None:
            self._pieces.append(piece)
        else:
            self._file.write(piece)

    def content(self) -> bytes | Path:
        """Ends the writing.

        Returns:
            The bytes themselves, or the path of the file that holds them.
        """
        if self._path is None or self._file is None:
            return b"".join(self._pieces)
        self._file.close()
        return self._path
