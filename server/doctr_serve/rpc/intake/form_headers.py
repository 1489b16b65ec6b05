"""The headers of multipart/form-data: the boundary of the whole, the file name of a part."""

from __future__ import annotations

import itertools
import re
from urllib.parse import unquote_to_bytes

from python_multipart.multipart import parse_options_header

from doctr_serve.errors import InvalidRequestError
from doctr_serve.rpc.intake.limits import shortened

__all__ = ["HOW_TO_SEND", "boundary_of", "file_name_of", "printable"]

HOW_TO_SEND = "e.g. curl -F files=@invoice.pdf"

MAX_CONTENT_TYPE_CHARACTERS = 1024
"""Of the whole header; its boundary has 70 at most (RFC 2046, 5.1.1), its kind and charset a few dozen."""

CHARSETS = frozenset({"utf-8", "iso-8859-1"})
"""Of an extended file name: RFC 8187's, and the one that RFC 5987 had beside it."""

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:\\.|[^"\\])*"?|[^;]*)')
_EXTENDED_FILE_NAME = re.compile(r"filename\*(?:(\d{1,2})(\*?))?", re.ASCII | re.IGNORECASE)
_QUOTED_PAIR = re.compile(r'\\(["\\])')


def boundary_of(content_type: str) -> bytes:
    """The boundary of a request's content type.

    Raises:
        InvalidRequestError: it is not multipart/form-data, or has no usable boundary.
    """
    header = content_type[:MAX_CONTENT_TYPE_CHARACTERS]
    kind, parameters = parse_options_header(header.encode("latin-1", "replace"))
    if kind != b"multipart/form-data":
        received = f"'{shortened(printable(kind.decode('latin-1')))}'" if kind else "none"
        raise InvalidRequestError(
            f"the request's Content-Type must be multipart/form-data, received {received}; send each "
            f"document in a part named 'files', {HOW_TO_SEND}",
            field="content-type",
        )
    boundary = parameters.get(b"boundary", b"")
    # RFC 2046, 5.1.1 allows 1 to 70 characters; python-multipart takes 256 and relies on the absence of CR.
    if header != content_type or not re.fullmatch(rb"[\x20-\x7e]{1,256}", boundary):
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
    # python-multipart leaves filename* out; some HTTP clients send it for names beyond ASCII all the same.
    name = _extended_file_name(disposition.decode("latin-1"))
    if name is None:
        # WHATWG HTML, "multipart/form-data encoding algorithm": a quote in a file name is sent as %22.
        name = plain.decode(errors="replace").replace("%22", '"')
    # The name is only a label, but it ends up in logs and answers: no folders, no control characters.
    return printable(name.replace("\\", "/").rpartition("/")[2])


def printable(text: str) -> str:
    """The text with its control characters (C0, DEL, C1) replaced; every kind of space stays."""
    return _CONTROL_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)


def _extended_file_name(disposition: str) -> str | None:
    """The name in ``filename*``, or in the pieces of RFC 2231 (``filename*0``, ``filename*1*``); None without one."""
    pieces: dict[int, tuple[str, bool]] = {}
    for parameter, value in _PARAMETER.findall(disposition):
        piece = _EXTENDED_FILE_NAME.fullmatch(parameter)
        if piece is None:
            continue
        # Quotes do not belong around an extended value, and some clients send them.
        text = (
            _QUOTED_PAIR.sub(r"\1", value[1:].removesuffix('"')) if value.startswith('"') else value.strip()
        )
        if piece[1] is None:
            pieces = {0: (text, True)}
            break
        pieces[int(piece[1])] = (text, piece[2] == "*")
    charset = "utf-8"
    content = b""
    for number in itertools.takewhile(pieces.__contains__, itertools.count()):
        text, is_encoded = pieces[number]
        if number == 0 and is_encoded:
            charset, _, text = text.partition("'")
            text = text.partition("'")[2]
        content += unquote_to_bytes(text) if is_encoded else text.encode("latin-1")
    if 0 not in pieces or charset.lower() not in CHARSETS:
        return None
    return content.decode(charset, errors="replace")
