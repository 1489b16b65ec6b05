"""What ``doctr-serve ocr`` is asked to read: names, patterns, directories and standard input -> files."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from doctr_serve_client.cli.directories import Walk
from doctr_serve_client.inputs import spooled

__all__ = ["STANDARD_INPUT", "Expansion", "InputFile", "expand"]

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class InputFile:
    """One document to read.

    Attributes:
        label: how messages call it.
        document: what the client is given: a path, or a name and an open file.
    """

    label: str
    document: str | tuple[str, IO[bytes]]


@dataclass(frozen=True)
class Expansion:
    """What the arguments mean.

    Attributes:
        files: what is to be read, in the arguments' order.
        problems: a message for each argument that means no file, and for what a directory could not show.
        notes: what was left out of directories on purpose.
    """

    files: list[InputFile]
    problems: list[str]
    notes: list[str]


def expand(arguments: Sequence[str], *, recursive: bool) -> Expansion:
    """Finds the files that the arguments mean.

    Args:
        arguments: file names, glob patterns (also those a shell was kept from expanding), directories, and
            ``-`` for standard input.
        recursive: take the documents of directories and of the directories in them.
    """
    files: list[InputFile] = []
    walk = Walk()
    for position, argument in enumerate(arguments):
        try:
            if argument != STANDARD_INPUT:
                files += [InputFile(path, path) for path in _paths(argument, walk if recursive else None)]
            elif STANDARD_INPUT in arguments[:position]:
                raise OSError("standard input can be read only once")
            else:
                files.append(InputFile("standard input", ("stdin", _spool_standard_input())))
        except OSError as error:
            walk.problems.append(f"{argument}: {error.args[-1]}")
    return Expansion(files, walk.problems, walk.notes())


def _paths(argument: str, walk: Walk | None) -> Iterator[str]:
    # A name that exists is itself: "scan[1].pdf" is a file before it is a pattern.
    if os.path.isdir(argument):
        if walk is None:
            raise IsADirectoryError("is a directory; add --recursive to read the documents in it")
        yield from walk.documents(argument)
    elif os.path.exists(argument):
        yield argument
    elif glob.has_magic(argument):
        matches = sorted(path for path in glob.glob(argument, recursive=True) if os.path.isfile(path))
        if not matches:
            raise FileNotFoundError("no file matches this pattern")
        yield from matches
    else:
        raise FileNotFoundError("no such file")


def _spool_standard_input() -> IO[bytes]:
    """Reads it before any call starts, so that Ctrl-C still works while it waits for a slow pipe."""
    if sys.stdin is None:
        raise OSError("standard input is closed")
    return spooled(sys.stdin.buffer)
