"""Uploaded bytes: small documents stay in memory, larger ones go to a temporary file."""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from doctr_serve.common.memory_budget import MemoryBudget
from doctr_serve.errors import StorageFullError
from doctr_serve.settings import Settings

__all__ = ["Spool", "SpoolMemory"]

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


@dataclass(frozen=True)
class SpoolMemory:
    """How much of the uploads may be kept in memory.

    Attributes:
        document_bytes: of one document.
        budget: of all documents of all requests.
    """

    document_bytes: int
    budget: MemoryBudget

    @classmethod
    def from_settings(cls, settings: Settings) -> SpoolMemory:
        """Returns what one server's uploads share."""
        return cls(settings.spool_memory_bytes, MemoryBudget(settings.upload_memory_bytes))


class Spool:
    """One document's bytes as they arrive.

    The temporary file has no name: it is gone as soon as it is closed, even where the server is killed.

    Args:
        memory: for how many bytes there is memory; once there are more, all of them move to a file.

    Attributes:
        size_bytes: bytes written so far.
    """

    def __init__(self, memory: SpoolMemory) -> None:
        self._memory = memory
        self._held_bytes = 0
        self._is_in_memory = True
        # Of any size, to the standard library: when it moves is decided here.
        self._file = SpooledTemporaryFile()  # noqa: SIM115 - closed by close()
        self.size_bytes = 0

    def write(self, piece: bytes) -> None:
        """Appends bytes.

        Raises:
            StorageFullError: the temporary file has no room.
            OSError: the temporary file cannot be written for another reason.
        """
        self.size_bytes += len(piece)
        with _room():
            if self._is_in_memory and not self._takes(len(piece)):
                self._move_to_file()
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
        if not self._is_in_memory:
            return cast(BinaryIO, self._file)
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Frees the memory or the file."""
        # Closing a file writes what its buffer still holds. Nobody needs that any more, a full disk refuses it, and
        # the file is closed nevertheless.
        with contextlib.suppress(OSError):
            self._file.close()
        self._give_back()

    def _takes(self, size_bytes: int) -> bool:
        if self.size_bytes > self._memory.document_bytes or not self._memory.budget.try_take(size_bytes):
            return False
        self._held_bytes += size_bytes
        return True

    def _move_to_file(self) -> None:
        self._file.rollover()
        self._is_in_memory = False
        self._give_back()

    def _give_back(self) -> None:
        self._memory.budget.give_back(self._held_bytes)
        self._held_bytes = 0


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
