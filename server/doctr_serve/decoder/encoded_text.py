"""Files sent as text that stands for their bytes: base64, as JSON APIs take files, and ``data:`` addresses."""

from __future__ import annotations

import base64
import re

from doctr_serve.decoder.formats import FORMAT_NAMES, sniff_format

__all__ = ["guess_encoding"]

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# A mark of UTF-8, and what is left of the string in which a program held the text: JSON's quote, Python's b'.
_OPENING = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:b?[\"'])?\s*")
# With a type or a parameter, which `data:,` in an ordinary text lacks.
_DATA_ADDRESS = re.compile(
    rb"data:(?=[^,])(?:[\w.+-]+/[\w.+-]+)?(?:;\s?[\w-]+=(?:\"[^\"]*\"|[^;,\s\"]*))*(?:;\s?base64,|,\S)",
    re.IGNORECASE,
)
_DIGITS = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def guess_encoding(head: bytes) -> str | None:
    """Returns what kind of text the file is, for the message; None where it is none of those.

    Args:
        head: the first ``HEAD_BYTES`` bytes of the file.
    """
    if head.startswith(_UTF16_MARKS):  # as Windows' own shell writes text files
        head = head.decode("utf-16", "ignore").encode("ascii", "ignore")
    opening = _OPENING.match(head)
    text = head[opening.end() if opening else 0 :]
    if _DATA_ADDRESS.match(text):
        return "a data: address"
    # Encoders break lines at 64 characters, at 76, or where they like.
    digits = _DIGITS.match(b"".join(text.split()))
    if digits is None:
        return None
    whole = digits[0][: len(digits[0]) // 4 * 4]
    kind = sniff_format(base64.b64decode(whole.translate(_URL_SAFE)))
    return f"base64 text of a {FORMAT_NAMES[kind]} file" if kind else None
