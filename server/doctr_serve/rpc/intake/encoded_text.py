"""Documents sent as text that stands for their bytes: base64, as JSON APIs take files, and ``data:`` addresses."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from doctr_serve.decoder.formats import FORMAT_NAMES, sniff_format
from doctr_serve.errors import UnsupportedDocumentError

__all__ = ["refuse_encoded_text"]

_DATA_ADDRESS = re.compile(rb"data:([\w.+-]+/[\w.+-]+)?[;,]", re.IGNORECASE)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}=*\s*")


def refuse_encoded_text(documents: Sequence[tuple[str, bytes]]) -> None:
    """Returns where there is a document that may be read.

    Encoded text among other documents is left to the decoder, which finds that it has no format of its own: one
    document that cannot be read is no reason to refuse the others.

    Args:
        documents: each one's name and its content, or the first bytes of it.

    Raises:
        UnsupportedDocumentError: all of them are text that stands for bytes; names the first.
    """
    encodings = [_encoding_of(head) for _, head in documents]
    if not encodings or None in encodings:
        return
    raise UnsupportedDocumentError(
        documents[0][0], f"the content is {encodings[0]}; send the file's own bytes, not encoded as text"
    )


def _encoding_of(head: bytes) -> str | None:
    """What the text is; None where it is none of those."""
    text = head[:64].lstrip()
    if _DATA_ADDRESS.match(text):
        return "a data: address"
    # Short lines: some encoders break them at 64 characters, some at 76.
    if not _BASE64.fullmatch(text):
        return None
    digits = text.rstrip(b"=\r\n\t ")
    kind = sniff_format(base64.b64decode(digits[: len(digits) // 4 * 4], altchars=b"-_"))
    return f"base64 text of a {FORMAT_NAMES[kind]} file" if kind else None
