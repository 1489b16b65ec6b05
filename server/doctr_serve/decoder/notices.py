"""What a caller should know of a document or page that was read all the same: codes, and the decoded page itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = [
    "ATTACHMENTS_NOT_READ",
    "CHARACTERS_NOT_SHOWN",
    "ENCRYPTED_PART_NOT_READ",
    "FILE_CUT_SHORT",
    "FORM_NOT_SHOWN",
    "PAGE_REDUCED",
    "Notice",
    "Raster",
]

ATTACHMENTS_NOT_READ = "ATTACHMENTS_NOT_READ"
"""The PDF carries further files, as a portfolio does; they were not read."""
CHARACTERS_NOT_SHOWN = "CHARACTERS_NOT_SHOWN"
"""Characters of a PDF page are blanks or boxes: their font is not in the file, and no other one here has them."""
ENCRYPTED_PART_NOT_READ = "ENCRYPTED_PART_NOT_READ"
"""The PDF opens without a password, or with the one given, and carries a part that needs another one."""
FORM_NOT_SHOWN = "FORM_NOT_SHOWN"
"""The PDF is an XFA form; its page is a placeholder for readers that do not know XFA."""
PAGE_REDUCED = "PAGE_REDUCED"
"""The page was rendered at a lower resolution than its content has, because of the server's limit."""
FILE_CUT_SHORT = "FILE_CUT_SHORT"
"""The file ends early; what is there was read."""


class Notice(NamedTuple):
    """One warning.

    Attributes:
        code: stable UPPER_SNAKE_CASE identifier for programs; one of this module's.
        message: one sentence for people, without the file's name.
    """

    code: str
    message: str


class Raster(NamedTuple):
    """A decoded page.

    Attributes:
        height: pixels, upright.
        width: pixels, upright.
        bands: the rows from top to bottom as packed 8-bit RGB, some rows at a time.
        notices: what a caller should know of this page.
    """

    height: int
    width: int
    bands: Iterator[bytes]
    notices: tuple[Notice, ...] = ()
