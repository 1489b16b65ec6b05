"""Uploaded bytes: small documents stay in memory, larger ones go to a private temporary file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

__all__ = ["Spool", "SpoolDirectory"]


class SpoolDirectory:
    """The temporary folder of one request: made when a document needs it, deleted with all its files.

    A context manager. The folder lies in the system's own (``TMPDIR``); only its owner can enter it.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._open_files = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Deletes the folder and its files; paths handed out by :meth:`Spool.content` are gone after it."""
        self._open_files.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def new_file(self) -> tuple[BinaryIO, Path]:
        """Opens a new empty file (mode 0600) for writing; it is closed with the directory at the latest."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="doctr-serve-")
        descriptor, name = tempfile.mkstemp(dir=self._folder.name)
        return self._open_files.enter_context(os.fdopen(descriptor, "wb")), Path(name)


class Spool:
    """One document's bytes as they arrive.

    Args:
        max_memory_bytes: bytes kept in memory; once there are more, all of them move to a file.
        directory: where that file lies; it must stay open for as long as :meth:`content` is used.
    """

    def __init__(self, max_memory_bytes: int, directory: SpoolDirectory) -> None:
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
            self._file, self._path = self._directory.new_file()
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
