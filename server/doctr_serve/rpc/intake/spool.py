"""Uploaded bytes: small documents stay in memory, larger ones go to a temporary file."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

__all__ = ["Spool"]


class Spool:
    """One document's bytes as they arrive.

    The temporary file has no name: it is gone as soon as it is closed, even where the server is killed.

    Args:
        max_memory_bytes: bytes kept in memory; once there are more, all of them move to a file.
    """

    def __init__(self, max_memory_bytes: int) -> None:
        self._max_memory_bytes = max(1, max_memory_bytes)  # 0 means no bound to SpooledTemporaryFile
        self._file = SpooledTemporaryFile(max_size=self._max_memory_bytes)  # noqa: SIM115 - closed by close()
        self.size_bytes = 0

    def write(self, piece: bytes) -> None:
        """Appends bytes.

        Raises:
            OSError: the temporary file cannot be written, e.g. the disk is full.
        """
        self.size_bytes += len(piece)
        self._file.write(piece)

    def content(self) -> bytes | BinaryIO:
        """Ends the writing.

        Returns:
            The bytes themselves, or the open file that holds them; it closes with the spool.
        """
        self._file.flush()
        if self.size_bytes > self._max_memory_bytes:
            return cast(BinaryIO, self._file)
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Frees the memory or the file."""
        self._file.close()
