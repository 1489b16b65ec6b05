"""A document as it arrives: a name, its bytes or a file that holds them, and what opens it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["SourceDocument"]


@dataclass(frozen=True)
class SourceDocument:
    """One file to read.

    Attributes:
        name: file name; comes back in results and in error messages.
        content: the file's bytes, or the path of a file that holds them until the request ends.
        pdf_password: password of an encrypted PDF, empty without one; never part of a repr, so never logged.
    """

    name: str
    content: bytes | Path = field(repr=False)
    pdf_password: str = field(default="", repr=False)
