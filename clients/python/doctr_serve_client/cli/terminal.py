"""What people read of ``doctr-serve ocr``: messages on standard error, and names that a terminal may show."""

from __future__ import annotations

import os
import re
import sys
from typing import TextIO

from tqdm import tqdm

__all__ = ["complain", "printable", "silence"]

# Control characters, with which a file's name or a server's message could retitle a terminal, clear it, or write a
# line of its own; line and paragraph separators and those that turn the direction of text; halves of surrogate
# pairs, by which Python stands for bytes that are no UTF-8.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, *, keep: str = "") -> str:
    r"""The text with every control character as Python writes it: ``\x1b``, ``\n``.

    Args:
        text: a name or a message that somebody else chose.
        keep: control characters to leave as they are.
    """
    return _UNPRINTABLE.sub(
        lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text
    )


def complain(message: str) -> None:
    """One line on standard error, above the progress bar; a standard error that nobody reads is no failure."""
    if sys.stderr is None:  # closed by the caller (2>&-)
        return
    try:
        tqdm.write(f"doctr-serve ocr: {printable(message)}", file=sys.stderr)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Lets a stream whose reader is gone write to nowhere.

    Python flushes its standard streams once more at exit, and would print a traceback or change the exit status
    (its documentation, "Note on SIGPIPE").
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
