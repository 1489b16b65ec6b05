"""``--recursive``: the documents of a directory, and an account of all else that is in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["DOCUMENT_SUFFIXES", "Walk"]

DOCUMENT_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pdf", ".png", ".tif", ".tiff", ".webp"}
)
"""Files taken from a directory. A file named itself is sent whatever its suffix: its content decides."""


@dataclass
class Walk:
    """Looks for documents in directories; collects what it leaves out, so that nothing goes missing unsaid.

    Hidden files and directories are left out, as a shell's ``*`` leaves them out: most are of programs (``.git``),
    not of people. Links to directories are not followed: they may lead in a circle, or out of the tree.

    Attributes:
        problems: a message for each directory and each document that cannot be read.
    """

    problems: list[str] = field(default_factory=list)
    _others: list[str] = field(default_factory=list)
    _hidden: list[str] = field(default_factory=list)
    _links: list[str] = field(default_factory=list)

    def documents(self, directory: str) -> list[str]:
        """Paths of the documents in it and in the directories below, sorted.

        Raises:
            FileNotFoundError: there is none, and nothing that could not be read.
        """
        known_problems = len(self.problems)
        documents = sorted(self._documents(directory))
        if not documents and len(self.problems) == known_problems:
            raise FileNotFoundError(f"has no documents ({', '.join(sorted(DOCUMENT_SUFFIXES))}) in it")
        return documents

    def notes(self) -> list[str]:
        """What was left out, one line for each reason."""
        kinds = (
            (
                self._others,
                "file that is no document by its name",
                "files that are no documents by their name",
            ),
            (self._hidden, "hidden document or directory", "hidden documents and directories"),
            (self._links, "link to a directory", "links to directories"),
        )
        return [
            f"skipped {len(paths)} {one if len(paths) == 1 else many}, e.g. {min(paths)}; "
            f"name {'it' if len(paths) == 1 else 'them'} to send {'it' if len(paths) == 1 else 'them'} anyway"
            for paths, one, many in kinds
            if paths
        ]

    def _documents(self, directory: str) -> Iterator[str]:
        def unreadable(error: OSError) -> None:
            self.problems.append(f"{error.filename or directory}: {error.strerror}")

        for folder, subfolders, names in os.walk(directory, onerror=unreadable):
            subfolders[:] = [name for name in subfolders if self._enters(os.path.join(folder, name))]
            for name in names:
                path = os.path.join(folder, name)
                if os.path.splitext(name)[1].lower() not in DOCUMENT_SUFFIXES:
                    if not name.startswith("."):
                        self._others.append(path)
                elif name.startswith("."):
                    self._hidden.append(path)
                elif self._is_file(path):
                    yield path

    def _enters(self, path: str) -> bool:
        if os.path.basename(path).startswith("."):
            self._hidden.append(path)
        elif os.path.islink(path):
            self._links.append(path)
        else:
            return True
        return False

    def _is_file(self, path: str) -> bool:
        """A link that leads nowhere, or in a circle, is a document that cannot be read; a socket is none."""
        try:
            regular = stat.S_ISREG(os.stat(path).st_mode)
        except OSError as error:
            self.problems.append(f"{path}: {error.strerror}")
            return False
        if not regular:
            self.problems.append(f"{path}: is no regular file")
        return regular
