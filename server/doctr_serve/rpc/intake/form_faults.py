"""What is wrong with a body that is no form: the message that names the cause."""

from __future__ import annotations

from python_multipart.exceptions import FormParserError

from doctr_serve.decoder.formats import sniff_format
from doctr_serve.errors import InvalidRequestError
from doctr_serve.rpc.intake.form_headers import HOW_TO_SEND, printable
from doctr_serve.rpc.intake.limits import MAX_NAME_CHARACTERS, shortened

__all__ = [
    "COMPRESSED",
    "LINES_END_IN_LF",
    "MAX_HEADER_BYTES",
    "MAX_HEADER_LINES",
    "is_compressed",
    "malformed",
    "problem_of",
    "what_it_is",
]

MAX_HEADER_BYTES = 8192
"""Of all header lines of a part: a name of 255 characters, written twice, as ``filename*`` too, fits."""

MAX_HEADER_LINES = 8

COMPRESSED = "it is compressed; send it as it is, without a Content-Encoding"

LINES_END_IN_LF = "its lines end in LF, where multipart/form-data has CR LF"

# By a piece of python-multipart's own messages; one that is not listed is still told to be malformed, and where.
_PROBLEMS = {
    "header size": (
        f"a header line of a part is longer than {MAX_HEADER_BYTES} bytes; a file name may have "
        f"{MAX_NAME_CHARACTERS} characters"
    ),
    "header count": f"a part has more than {MAX_HEADER_LINES} header lines",
    "invalid character": "a header line of a part is no 'Name: value'",
    "0-length header": "a header line of a part is no 'Name: value'",
    "Did not find": "a boundary or a header line does not end in CR LF",
}

_COMPRESSED_STARTS = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def is_compressed(head: bytes) -> bool:
    """Whether a body begins as gzip, zstd and zlib do, which neither a form nor JSON can."""
    return head.startswith(_COMPRESSED_STARTS)


def malformed(position: int, problem: str) -> InvalidRequestError:
    """Returns the error of a body that is no form.

    Args:
        position: about how many bytes of the body are well-formed.
        problem: what is wrong there.
    """
    return InvalidRequestError(
        f"the body is not well-formed multipart/form-data (near byte {position}): {problem}; let the HTTP client make "
        f"the body and the Content-Type header, {HOW_TO_SEND}",
        field="files",
    )


def problem_of(error: FormParserError) -> str:
    """Returns what python-multipart found wrong, in a caller's words."""
    text = str(error)
    return next((problem for piece, problem in _PROBLEMS.items() if piece in text), "its framing is broken")


def what_it_is(head: bytes, boundary: bytes) -> str:
    """Returns what a body is in which its boundary is not found.

    Args:
        head: the body's first bytes.
        boundary: the boundary of the Content-Type header.
    """
    text = head.lstrip()
    if is_compressed(head):
        return COMPRESSED
    if text.startswith(b"--"):
        first_line = printable(text[2:].partition(b"\n")[0].rstrip(b"\r").decode("latin-1"))
        return (
            f"its parts begin with the boundary '{shortened(first_line)}', but the Content-Type header names "
            f"'{shortened(boundary.decode('latin-1'))}'"
        )
    if sniff_format(text) is not None:
        return "it is the document itself; send it as a part of a form"
    if text.startswith((b"{", b"[")):
        return "it looks like JSON"
    return f"the boundary '{shortened(boundary.decode('latin-1'))}', which the Content-Type header names, is not in it"
