"""A document as it arrives: a name, its bytes or a file that holds them, and what opens it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

__all__ = ["SourceDocument"]


@dataclass(frozen=True)
class SourceDocument:
    """One file to read.

    Attributes:
        name: file name; comes back in results and in error messages.
        content: the file's bytes, or the path of a file that holds them, or an open file; all until the
            request ends.
        pdf_password: password of an encrypted PDF, empty without one; never part of a repr, so never logged.
    """

    name: str
    content: bytes | Path | BinaryIO = field(repr=False)
    pdf_password: str = field(default="", repr=False)

    @classmethod
    def of(cls, document: Self | str | os.PathLike[str] | bytes, number: int) -> Self:
        """Returns the document that a path, a content or a document stands for.

        Args:
            document: a path's document is named after its file.
            number: 1-based position among the request's documents, for the name of a content.

        Raises:
            OSError: the path leads to no file that can be read.
        """
        if isinstance(document, cls):
            return document
        if isinstance(document, bytes):
            return cls(f"document-{number}", document)
        path = Path(document)  # type: ignore[arg-type]
        with path.open("rb"):
            return cls(path.name, path)
