"""What a caller hands in (paths, bytes, files) as sources, read in pieces as often as a retry needs."""

from __future__ import annotations

import mimetypes
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Protocol, TypeAlias, cast

__all__ = ["PIECE_BYTES", "DocumentInput", "DocumentInputs", "DocumentSource", "open_sources", "spooled"]

PIECE_BYTES = 1024 * 1024
"""Bytes of a document per message of UploadDocuments; below the 4 MiB that gRPC servers accept by default."""

SPOOL_MEMORY_BYTES = 4 * 1024 * 1024
"""Bytes of a stream that cannot be rewound (a pipe) kept in memory; the rest goes to a temporary file."""

DocumentInput: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]"
    " | tuple[str, bytes | bytearray | memoryview | IO[bytes]]"
)
"""One document: a path, its content, a file opened in binary mode, or a pair of a name and one of these."""

DocumentInputs: TypeAlias = "DocumentInput | Iterable[DocumentInput]"
"""One document or several. A tuple of a string and content is one document, of two strings two paths."""


class DocumentSource(Protocol):
    """A document that can be read from its start any number of times."""

    @property
    def name(self) -> str:
        """File name; empty where there is none."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the content."""

    def pieces(self, piece_bytes: int) -> Iterator[bytes]:
        """The content from its start, in pieces of at most ``piece_bytes``; nothing for an empty document."""


def content_type(name: str) -> str:
    """MIME type that the file name suggests, or an empty string."""
    return mimetypes.guess_type(name)[0] or ""


@dataclass(frozen=True)
class _PathSource:
    """A file on disk, opened only while it is read."""

    path: str
    name: str
    size_bytes: int

    def pieces(self, piece_bytes: int) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            yield from _read_pieces(file, piece_bytes)


@dataclass(frozen=True)
class _BytesSource:
    """Content in memory."""

    content: memoryview
    name: str

    @property
    def size_bytes(self) -> int:
        return self.content.nbytes

    def pieces(self, piece_bytes: int) -> Iterator[bytes]:
        for start in range(0, self.size_bytes, piece_bytes):
            yield bytes(self.content[start : start + piece_bytes])


@dataclass(frozen=True)
class _FileSource:
    """A seekable file object, read from the position it was handed in at."""

    file: IO[bytes]
    name: str
    start: int
    size_bytes: int

    def pieces(self, piece_bytes: int) -> Iterator[bytes]:
        self.file.seek(self.start)
        yield from _read_pieces(self.file, piece_bytes)


def _read_pieces(file: IO[bytes], piece_bytes: int) -> Iterator[bytes]:
    while piece := file.read(piece_bytes):
        yield piece


def _file_name(file: object) -> str:
    """The base name of a file object; empty for a pipe or a buffer (the server then numbers the document)."""
    name = getattr(file, "name", "")
    return os.path.basename(name) if isinstance(name, str) and not name.startswith("<") else ""


def _from_path(path: str | os.PathLike[str], spools: list[IO[bytes]]) -> DocumentSource:
    """Fails here, before the call, where the file does not exist or is a directory."""
    text = os.fspath(path)
    name = PurePath(text).name
    if os.path.isdir(text):
        raise IsADirectoryError(f"'{text}' is a directory; name the files in it")
    with open(text, "rb") as file:
        found = os.fstat(file.fileno())
        if stat.S_ISREG(found.st_mode):
            return _PathSource(text, name, found.st_size)
        # A pipe, such as the shell's <(...): it has no size, and gives its content once.
        return _from_file(_spooled(file, spools), name, spools)


def spooled(file: IO[bytes]) -> IO[bytes]:
    """A copy that can be read from its start any number of times; the caller closes it."""
    spool = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES))  # noqa: SIM115
    try:
        shutil.copyfileobj(file, spool, PIECE_BYTES)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool


def _spooled(file: IO[bytes], spools: list[IO[bytes]]) -> IO[bytes]:
    """The same, closed with ``spools``."""
    spools.append(spooled(file))
    return spools[-1]


def _from_file(file: IO[bytes], name: str, spools: list[IO[bytes]]) -> _FileSource:
    if not file.seekable():
        file = _spooled(file, spools)
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    if isinstance(file.read(0), str):
        raise TypeError(f"file '{name}' is opened as text; open it in binary mode ('rb')")
    file.seek(start)
    return _FileSource(file, name, start, end - start)


def _open_source(document: object, spools: list[IO[bytes]], name: str | None = None) -> DocumentSource:
    if isinstance(document, str | os.PathLike) and name is None:
        return _from_path(document, spools)
    if isinstance(document, bytes | bytearray | memoryview):
        return _BytesSource(memoryview(document).cast("B"), name or "")
    if hasattr(document, "read"):
        file = cast(IO[bytes], document)
        return _from_file(file, _file_name(file) if name is None else name, spools)
    if _is_named_content(document):
        named_name, content = cast("tuple[str, object]", document)
        return _open_source(content, spools, named_name)
    raise TypeError(
        f"a document is a path, bytes, a file opened in binary mode, or a pair (name, content), "
        f"not {type(document).__name__}"
    )


def _is_named_content(document: object) -> bool:
    """Whether this is one document as a pair of name and content, rather than a tuple of two paths."""
    return (
        isinstance(document, tuple)
        and len(document) == 2
        and isinstance(document[0], str)
        and (isinstance(document[1], bytes | bytearray | memoryview) or hasattr(document[1], "read"))
    )


def _is_one(documents: object) -> bool:
    return (
        isinstance(documents, str | os.PathLike | bytes | bytearray | memoryview)
        or hasattr(documents, "read")
        or _is_named_content(documents)
        or not isinstance(documents, Iterable)
    )


@contextmanager
def open_sources(documents: DocumentInputs) -> Iterator[Sequence[DocumentSource]]:
    """The documents as sources, valid inside the block.

    Files of the caller stay open, at a position that is not defined; a stream that cannot be rewound is
    copied to a temporary file first, so that a call can be tried again.

    Raises:
        TypeError: something that is no document.
        ValueError: no document at all.
        OSError: a file that cannot be read.
    """
    spools: list[IO[bytes]] = []
    try:
        each = [documents] if _is_one(documents) else documents
        sources = [_open_source(document, spools) for document in cast("Iterable[DocumentInput]", each)]
        if not sources:
            raise ValueError("no document to read: name at least one file")
        yield sources
    finally:
        for spool in spools:
            spool.close()
