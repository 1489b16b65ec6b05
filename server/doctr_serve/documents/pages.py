"""What comes out of the document decoder, and its bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doctr_serve.errors import DoctrServeError, PageTooLargeError
from doctr_serve.settings import Settings

__all__ = ["DecodedPage", "DocumentLimits", "PageReference", "PageWarning", "check_page_size", "warnings_of"]

# Bounds of what a decoder that a document has taken over can put into an answer.
MAX_WARNINGS = 16
MAX_WARNING_LENGTH = 512
WARNING_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


@dataclass(frozen=True)
class PageReference:
    """One page that will be read.

    Attributes:
        document_name: its document's name.
        document_index: 0-based position of its document in the request.
        page_number: 1-based number in its document; 0 stands for a document that cannot be read.
        page_count: pages of its document, selected or not; 0 where that is not known.
        height: pixels upright, EXIF orientation applied. Before the page is decoded, as the header says: a scan
            in a PDF may come out larger, 0 stands where only decoding can tell. With a page's pixels, theirs.
        width: as ``height``.
    """

    document_name: str
    document_index: int
    page_number: int
    page_count: int
    height: int
    width: int


@dataclass(frozen=True)
class PageWarning:
    """Something that a caller should know of a page that was read all the same.

    Attributes:
        code: stable UPPER_SNAKE_CASE identifier for programs, e.g. ``"PAGE_REDUCED"``; those that there are stand
            in ``doctr_serve.decoder.notices`` and ``doctr_serve.reading.page_warnings``.
        message: one sentence for people, without the file's name; at most 512 printable characters.
    """

    code: str
    message: str


@dataclass(frozen=True)
class DecodedPage:
    """One page: its pixels, or why there are none.

    Attributes:
        reference: which page, with the size of ``image`` where there is one.
        image: (height, width, 3) uint8 RGB, C-contiguous and writeable; None when ``error`` is set.
        error: why the page could not be decoded; None when ``image`` is set.
        warnings: what to know of this page. Those of its document as a whole stand on the first page of the
            document that is read, and on no other: a thousand pages need not say it a thousand times.
        keep: to be called with the bytes of what is kept with the page, such as the page turned upright.
        release: to be called once when all this is done with; its memory is counted until then.
    """

    reference: PageReference
    image: NDArray[np.uint8] | None = field(repr=False)
    error: DoctrServeError | None = None
    warnings: tuple[PageWarning, ...] = ()
    keep: Callable[[int], None] = field(default=lambda size_bytes: None, repr=False, compare=False)
    release: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)


def warnings_of(reply: dict[str, Any]) -> tuple[PageWarning, ...]:
    """Returns the warnings in a decoder's reply, which is untrusted: 16 at most, malformed ones left out.

    Args:
        reply: with ``"warnings": [[code, message], …]``, or without.
    """
    listed = reply.get("warnings")
    found = []
    for entry in listed[:MAX_WARNINGS] if isinstance(listed, list) else ():
        match entry:
            case [str(code), str(message)] if WARNING_CODE.fullmatch(code):
                text = "".join(
                    character for character in message[:MAX_WARNING_LENGTH] if character.isprintable()
                )
                found.append(PageWarning(code, text))
    return tuple(found)


@dataclass(frozen=True)
class DocumentLimits:
    """Bounds of one request's documents; see the fields of the same names in ``Settings``.

    Attributes:
        max_documents: documents per request.
        max_pages: selected pages per request.
        max_page_pixels: pixels per page, checked from headers.
        max_scan_pixels: pixels to which a scan in a PDF is rendered at most, where docTR's scale does not give more.
        page_decode_timeout_s: seconds to open a document, or to decode one page.
        decoder_memory_bytes: address space of one decoder process.
    """

    max_documents: int
    max_pages: int
    max_page_pixels: int
    max_scan_pixels: int
    page_decode_timeout_s: float
    decoder_memory_bytes: int

    @classmethod
    def from_settings(cls, settings: Settings) -> DocumentLimits:
        """Returns the limits that ``settings`` names."""
        return cls(
            max_documents=settings.max_documents,
            max_pages=settings.max_pages,
            max_page_pixels=settings.max_page_pixels,
            max_scan_pixels=settings.max_scan_pixels,
            page_decode_timeout_s=settings.page_decode_timeout_s,
            decoder_memory_bytes=settings.decoder_memory_bytes,
        )


def check_page_size(reference: PageReference, height: int, width: int, limits: DocumentLimits) -> None:
    """Returns where the page is not too large to be decoded.

    Raises:
        PageTooLargeError: it has more than ``max_page_pixels``.
    """
    if height * width > limits.max_page_pixels:
        raise PageTooLargeError(
            reference.document_name,
            f"{width} x {height} pixels is more than the {limits.max_page_pixels} pixels that this "
            "server decodes; send it smaller",
            page_number=reference.page_number,
        )
