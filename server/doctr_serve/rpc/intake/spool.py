"""Uploaded bytes: small documents stay in memory, larger ones go to a temporary file."""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from doctr_serve.errors import StorageFullError

__all__ = ["Spool"]

RETRY_AFTER_S = 10.0
"""When a caller may come back: room comes back as soon as another request's uploads have been read."""

NO_ROOM = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOENT,  # "No usable temporary directory found": tempfile tries to write in each, and fails
    }
)

logger = logging.getLogger(__name__)


class Spool:
    """One document's bytes as they arrive.

    The temporary file has no name: it is gone as soon as it is closed, even where the server is killed.

    Args:
        max_memory_bytes: bytes kept in memory; once there are more, all of them move to a file.

    Attributes:
        size_bytes: bytes written so far.
    """

    def __init__(self, max_memory_bytes: int) -> None:
        self._max_memory_bytes = max(1, max_memory_bytes)  # 0 means no bound to SpooledTemporaryFile
        self._file = SpooledTemporaryFile(max_size=self._max_memory_bytes)  # noqa: SIM115 - closed by close()
        self.size_bytes = 0

    def write(self, piece: bytes) -> None:
        """Appends bytes.

        Raises:
            StorageFullError: the temporary file has no room.
            OSError: the temporary file cannot be written for another reason.
        """
        self.size_bytes += len(piece)
        with _room():
            self._file.write(piece)

    def content(self) -> bytes | BinaryIO:
        """Ends the writing.

        Returns:
            The bytes themselves, or the open file that holds them; it closes with the spool.

        Raises:
            StorageFullError: the temporary file has no room for the last bytes.
            OSError: the temporary file cannot be written for another reason.
        """
        with _room():
            self._file.flush()
        if self.size_bytes > self._max_memory_bytes:
            return cast(BinaryIO, self._file)
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Frees the memory or the file."""
        # Closing a file writes what its buffer still holds. Nobody needs that any more, a full disk refuses it, and
        # the file is closed nevertheless.
        with contextlib.suppress(OSError):
            self._file.close()


@contextlib.contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        logger.warning("storage_full", extra={"problem": error.strerror})
        raise StorageFullError(
            "the server has no room to store the upload; send it again later, or ask the operator to free space in "
            "the server's temporary folder (TMPDIR)",
            retry_after_s=RETRY_AFTER_S,
        ) from error
