"""How long what a caller sends besides content may be, and how a refusal quotes it."""

from __future__ import annotations

from doctr_serve.errors import InvalidOptionError, InvalidRequestError

__all__ = [
    "MAX_ALLOWED_CHARACTERS",
    "MAX_IGNORED_REGIONS",
    "MAX_MODEL_NAME_CHARACTERS",
    "MAX_NAME_CHARACTERS",
    "MAX_PASSWORD_BYTES",
    "QUOTED_CHARACTERS",
    "check_name",
    "check_option",
    "check_password",
    "shortened",
]

MAX_NAME_CHARACTERS = 255
"""Of a document's name, which comes back with each of its pages: what file systems allow a file's name."""

MAX_PASSWORD_BYTES = 1024
"""ISO 32000-2 (7.6.4.3.2) uses the first 127 bytes of a password; the rest is room for other encodings."""

MAX_MODEL_NAME_CHARACTERS = 255
"""More than any model of the catalog, or of the Hugging Face hub, is called."""

MAX_ALLOWED_CHARACTERS = 1024
"""docTR's alphabets of letters have 726 at most (``multilingual``); only those of Chinese, Japanese and Korean have
more, of which a caller allows a part."""

MAX_IGNORED_REGIONS = 100
"""docTR's layout models know 11 kinds."""

QUOTED_CHARACTERS = 60
"""Of what a caller sent, in a message."""


def check_name(name: str, number: int, *, field: str) -> None:
    """Returns where a document's name may come back with its pages.

    A longer name is refused rather than shortened: callers tell the pages of their documents by it, and two names cut
    short may be the same.

    Args:
        name: what the caller calls the document.
        number: 1-based position among the request's documents.
        field: what the caller's documents are called: ``files`` in a form, ``documents`` in a message.

    Raises:
        InvalidRequestError: the name is too long.
    """
    if len(name) > MAX_NAME_CHARACTERS:
        raise InvalidRequestError(
            f"the name of document {number}, '{shortened(name)}', has {len(name)} characters, more than "
            f"{MAX_NAME_CHARACTERS}; send a shorter one",
            field=field,
        )


def check_password(password: str, document: str) -> None:
    """Returns where a password is short enough to be one.

    Args:
        password: as it was sent.
        document: name of the document that it came with, for the message; the password itself is never quoted.

    Raises:
        InvalidRequestError: the password is too long.
    """
    # A character is a byte at least: what is longer by far is not encoded first.
    if len(password) > MAX_PASSWORD_BYTES or len(password.encode()) > MAX_PASSWORD_BYTES:
        raise InvalidRequestError(
            f"'{shortened(document)}': its pdf_password is longer than {MAX_PASSWORD_BYTES} bytes",
            field="pdf_password",
        )


def check_option(name: str, value: str, max_characters: int) -> None:
    """Returns where an option's text is short enough to be looked at.

    Raises:
        InvalidOptionError: it is too long.
    """
    if len(value) > max_characters:
        raise InvalidOptionError(
            f"{name} '{shortened(value)}' has {len(value)} characters, more than {max_characters}", field=name
        )


def shortened(text: str) -> str:
    """Returns the text, or its beginning where it is too long to be quoted in a message."""
    return text if len(text) <= QUOTED_CHARACTERS else f"{text[:QUOTED_CHARACTERS]}…"
