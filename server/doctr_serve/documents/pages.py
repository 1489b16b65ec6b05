"""What comes out of the document decoder, and its bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from doctr_serve.errors import DocumentError
from doctr_serve.settings import Settings

__all__ = ["DecodedPage", "DocumentLimits", "PageReference"]


@dataclass(frozen=True)
class PageReference:
    """One page that will be read.

    Attributes:
        document_name: its document's name.
        document_index: 0-based position of its document in the request.
        page_number: 1-based number in its document.
        page_count: pages of its document, selected or not.
        height: pixels as it will be decoded, EXIF orientation applied; 0 where the page's header is damaged.
        width: as ``height``.
    """

    document_name: str
    document_index: int
    page_number: int
    page_count: int
    height: int
    width: int


@dataclass(frozen=True)
class DecodedPage:
    """One page: its pixels, or why there are none.

    Attributes:
        reference: which page.
        image: (height, width, 3) uint8 RGB, C-contiguous and writeable; None when ``error`` is set.
        error: why the page could not be decoded; None when ``image`` is set.
    """

    reference: PageReference
    image: NDArray[np.uint8] | None = field(repr=False)
    error: DocumentError | None = None


@dataclass(frozen=True)
class DocumentLimits:
    """Bounds of one request's documents; see the fields of the same names in ``Settings``.

    Attributes:
        max_documents: documents per request.
        max_pages: selected pages per request.
        max_page_pixels: pixels per page, checked from headers.
        page_decode_timeout_s: seconds to open a document, or to decode one page.
        decoder_memory_bytes: address space of one decoder process.
    """

    max_documents: int
    max_pages: int
    max_page_pixels: int
    page_decode_timeout_s: float
    decoder_memory_bytes: int

    @classmethod
    def from_settings(cls, settings: Settings) -> DocumentLimits:
        """Returns the limits that ``settings`` names."""
        return cls(
            max_documents=settings.max_documents,
            max_pages=settings.max_pages,
            max_page_pixels=settings.max_page_pixels,
            page_decode_timeout_s=settings.page_decode_timeout_s,
            decoder_memory_bytes=settings.decoder_memory_bytes,
        )
