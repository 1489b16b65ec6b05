"""What ``doctr-serve ocr`` is asked to read: names, patterns, directories and standard input -> files."""

from __future__ import annotations

import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

__all__ = ["STANDARD_INPUT", "InputFile", "expand"]

STANDARD_INPUT = "-"

DOCUMENT_SUFFIXES = frozenset({".jpeg", ".jpg", ".pdf", ".png", ".tif", ".tiff", ".webp"})
"""Files taken from a directory. A file named itself is sent whatever its suffix: its content decides."""

SPOOL_MEMORY_BYTES = 4 * 1024 * 1024
"""Bytes of standard input kept in memory; the rest goes to a temporary file."""


@dataclass(frozen=True)
class InputFile:
    """One document to read.

    Attributes:
        label: how messages call it.
        document: what the client is given: a path, or a name and an open file.
    """

    label: str
    document: str | tuple[str, IO[bytes]]


def expand(arguments: Sequence[str], *, recursive: bool) -> tuple[list[InputFile], list[str]]:
    """The files that the arguments mean, in their order, and a message for each argument that means none.

    Args:
        arguments: file names, glob patterns (also those a shell was kept from expanding), directories, and
            ``-`` for standard input.
        recursive: take the documents of directories and of the directories in them.
    """
    files: list[InputFile] = []
    problems: list[str] = []
    for position, argument in enumerate(arguments):
        try:
            if argument != STANDARD_INPUT:
                files += [InputFile(path, path) for path in _paths(argument, recursive)]
            elif STANDARD_INPUT in arguments[:position]:
                raise OSError("standard input can be read only once")
            else:
                files.append(InputFile("standard input", ("stdin", _spool_standard_input())))
        except OSError as error:
            problems.append(f"{argument}: {error.args[-1]}")
    return files, problems


def _paths(argument: str, recursive: bool) -> Iterator[str]:
    # A name that exists is itself: "scan[1].pdf" is a file before it is a pattern.
    if os.path.isdir(argument):
        yield from _directory(argument, recursive)
    elif os.path.exists(argument):
        yield argument
    elif glob.has_magic(argument):
        matches = sorted(path for path in glob.glob(argument, recursive=True) if os.path.isfile(path))
        if not matches:
            raise FileNotFoundError("no file matches this pattern")
        yield from matches
    else:
        raise FileNotFoundError("no such file")


def _directory(directory: str, recursive: bool) -> list[str]:
    if not recursive:
        raise IsADirectoryError("is a directory; add --recursive to read the documents in it")
    documents = sorted(
        str(path)
        for path in Path(directory).rglob("*")
        if path.suffix.lower() in DOCUMENT_SUFFIXES and path.is_file()
    )
    if not documents:
        raise FileNotFoundError(f"has no documents ({', '.join(sorted(DOCUMENT_SUFFIXES))}) in it")
    return documents


def _spool_standard_input() -> IO[bytes]:
    """Reads it before any call starts, so that Ctrl-C still works while it waits for a slow pipe."""
    spool = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES))  # noqa: SIM115
    shutil.copyfileobj(sys.stdin.buffer, spool)
    spool.seek(0)
    return spool
