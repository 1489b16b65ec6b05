"""The beginning of a form, up to its first boundary: python-multipart wants that to be the first thing in the body."""

from __future__ import annotations

import re

from doctr_serve.rpc.intake.form_faults import LINES_END_IN_LF, malformed, what_it_is

__all__ = ["FormStart"]

MAX_PREAMBLE_BYTES = 8192
"""Text for people that RFC 2046 (5.1.1) allows before the first boundary; mail programs write a line or two."""


class FormStart:
    """Leaves out what stands before the first boundary.

    Args:
        boundary: the boundary of the Content-Type header.
    """

    def __init__(self, boundary: bytes) -> None:
        self._boundary = boundary
        self._delimiter = b"--" + boundary
        # Spaces may follow a boundary; python-multipart takes them after every one but the first.
        self._line = re.compile(rb"(?:\A|\n)(--" + re.escape(boundary) + rb")[ \t]*(\r\n|--|\n)")
        self._held = b""
        self._is_found = False

    def after_preamble(self, chunk: bytes) -> bytes:
        """Returns what the parser is given of the next bytes: nothing until the boundary is there.

        Raises:
            InvalidRequestError: the body is no form; the message says what it looks like.
        """
        if self._is_found:
            return chunk
        self._held += chunk
        body = self._from_boundary()
        if body:
            self._is_found, self._held = True, b""
        elif len(self._held) > MAX_PREAMBLE_BYTES:
            raise malformed(0, what_it_is(self._held, self._boundary))
        return body

    def check_found(self) -> None:
        """Returns where there was a boundary, or where the body breaks off in the middle of one.

        Raises:
            InvalidRequestError: the body ended without one.
        """
        last_line = self._held.rpartition(b"\n")[2].rstrip(b" \t\r")
        breaks_off = last_line != b"" and (self._delimiter + b"-").startswith(last_line)
        if not self._is_found and not breaks_off:
            raise malformed(0, what_it_is(self._held, self._boundary))

    def _from_boundary(self) -> bytes:
        """What is held, from the first line on that is a boundary; empty where there is none yet."""
        line = self._line.search(self._held)
        if line is None:
            return b""
        if line[2] == b"\n":
            raise malformed(line.start(1), LINES_END_IN_LF)
        return line[1] + self._held[line.start(2) :]
