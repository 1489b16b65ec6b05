"""The ``pages`` option: "1-3,7" or "5-"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from doctr_serve.errors import InvalidOptionError

__all__ = ["MAX_CHARACTERS", "PageSelection"]

MAX_CHARACTERS = 8192
"""Longest text of a selection: room for a thousand numbers one by one, and soon read."""

# Nine digits: more pages than any format holds, and nothing that int() refuses for its length. Each run of spaces has
# one place where it can match, so that a text that matches nowhere is known to in linear time.
PART = re.compile(r"\s*([0-9]{1,9})\s*(?:(-)\s*(?:([0-9]{1,9})\s*)?)?", re.ASCII)


class PageSelection:
    """A set of 1-based page numbers, open-ended where the caller said so.

    Args:
        text: numbers and ranges separated by commas; "" selects every page.

    Raises:
        InvalidOptionError: ``text`` is malformed, or longer than ``MAX_CHARACTERS``.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise _malformed(text, f"its {len(text)} characters are more than {MAX_CHARACTERS}")
        self._text = text
        parts = text.split(",") if text.strip() else ["1-"]
        self._ranges = _merged([_parse_part(text, part) for part in parts])

    def count(self, page_count: int) -> int:
        """Returns how many pages of a document with ``page_count`` pages are selected."""
        return sum(len(pages) for pages in self._within(page_count))

    def select(self, page_count: int) -> list[int]:
        """Returns the selected page numbers of a document with ``page_count`` pages, ascending, each once."""
        return [page for pages in self._within(page_count) for page in pages]

    def check_not_empty(self, document_name: str, page_count: int) -> None:
        """Raises InvalidOptionError when nothing of this document is selected."""
        if self.count(page_count) == 0:
            pages = "1 page" if page_count == 1 else f"{page_count} pages"
            raise InvalidOptionError(
                f"pages '{_short(self._text)}' selects nothing of '{document_name}', which has {pages}",
                field="pages",
            )

    def _within(self, page_count: int) -> Iterator[range]:
        for first, last in self._ranges:
            pages = range(first, min(page_count, page_count if last is None else last) + 1)
            if pages:
                yield pages


def _parse_part(text: str, part: str) -> tuple[int, int | None]:
    """One part as (first, last); last is None for an open range."""
    match = PART.fullmatch(part)
    if match is None:
        raise _malformed(text, f"'{_short(part.strip())}' is no page number or range")
    first = int(match[1])
    last = first if match[2] is None else None if match[3] is None else int(match[3])
    if first == 0 or last == 0:
        raise _malformed(text, "pages are counted from 1")
    if last is not None and last < first:
        raise _malformed(text, f"'{_short(part.strip())}' ends before it starts")
    return first, last


def _malformed(text: str, problem: str) -> InvalidOptionError:
    return InvalidOptionError(
        f"pages '{_short(text)}': {problem}; accepted are 1-based numbers and ranges such as '1-3,7' or '5-'",
        field="pages",
    )


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def _merged(parts: list[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    """Sorts ranges and joins those that overlap, so that each page comes once and in document order."""
    merged: list[tuple[int, int | None]] = []
    for first, last in sorted(parts, key=lambda part: part[0]):
        if merged:
            start, end = merged[-1]
            if end is None:
                break
            if first <= end + 1:
                merged[-1] = (start, None if last is None else max(end, last))
                continue
        merged.append((first, last))
    return merged
