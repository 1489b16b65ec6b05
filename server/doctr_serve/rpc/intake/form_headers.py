"""The headers of multipart/form-data: the boundary of the whole, the file name of a part."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from python_multipart.multipart import parse_options_header

from doctr_serve.errors import InvalidRequestError

__all__ = ["HOW_TO_SEND", "boundary_of", "file_name_of", "printable"]

HOW_TO_SEND = "e.g. curl -F files=@invoice.pdf"

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_QUOTED_STRING = re.compile(r'"(?:\\.|[^"\\])*"?')
_EXTENDED_FILE_NAME = re.compile(r";\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^';]*'([^;\s]*)", re.IGNORECASE)


def boundary_of(content_type: str) -> bytes:
    """The boundary of a request's content type.

    Raises:
        InvalidRequestError: it is not multipart/form-data, or has no usable boundary.
    """
    kind, parameters = parse_options_header(content_type.encode("latin-1", "replace"))
    if kind != b"multipart/form-data":
        received = f"'{printable(kind.decode('latin-1'))}'" if kind else "none"
        raise InvalidRequestError(
            f"the request's Content-Type must be multipart/form-data, received {received}; send each "
            f"document in a part named 'files', {HOW_TO_SEND}",
            field="content-type",
        )
    boundary = parameters.get(b"boundary", b"")
    # RFC 2046, 5.1.1 allows 1 to 70 characters; python-multipart takes 256 and relies on the absence of CR.
    if not re.fullmatch(rb"[\x20-\x7e]{1,256}", boundary):
        raise InvalidRequestError(
            "the Content-Type multipart/form-data has no usable boundary; do not set the header by hand, let "
            f"the HTTP client make it, {HOW_TO_SEND}",
            field="content-type",
        )
    return boundary


def file_name_of(disposition: bytes, plain: bytes) -> str:
    """Base name of a part's file, from ``filename*`` (RFC 8187) if there is one; empty without a file name.

    Args:
        disposition: the whole Content-Disposition value.
        plain: its ``filename`` parameter, unquoted.
    """
    # WHATWG HTML, "multipart/form-data encoding algorithm": a quote in a file name is sent as %22.
    name = plain.decode(errors="replace").replace("%22", '"')
    # python-multipart leaves filename* out; some HTTP clients send it for names beyond ASCII all the same.
    extended = _EXTENDED_FILE_NAME.search(_QUOTED_STRING.sub('""', disposition.decode("latin-1")))
    if extended:
        name = unquote_to_bytes(extended[2]).decode(extended[1], errors="replace")
    # The name is only a label, but it ends up in logs and answers: no folders, no control characters.
    return printable(name.replace("\\", "/").rpartition("/")[2])


def printable(text: str) -> str:
    """The text with its control characters (C0, DEL, C1) replaced; every kind of space stays."""
    return _CONTROL_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)
