"""What the core answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from doctr_serve.documents import PageReference, PageWarning
from doctr_serve.errors import DoctrServeError

__all__ = ["PageReading"]


@dataclass(frozen=True)
class PageReading:
    """What became of one page.

    Attributes:
        reference: which page.
        page: what the stage gives: docTR's page, its page of predictions, boxes, or a picture's text; None if it could
            not be read.
        error: why not; None if it was read.
        warnings: what to know of it all the same.
    """

    reference: PageReference
    page: Any = None
    error: DoctrServeError | None = None
    warnings: tuple[PageWarning, ...] = ()
