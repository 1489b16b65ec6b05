"""What the core answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from doctr_serve.documents import PageReference, PageWarning
from doctr_serve.errors import DoctrServeError

if TYPE_CHECKING:
    from doctr.io.elements import Page

__all__ = ["PageReading"]


@dataclass(frozen=True)
class PageReading:
    """What became of one page.

    Attributes:
        reference: which page.
        page: docTR's page; None if it could not be read.
        error: why not; None if it was read.
        warnings: what to know of it all the same.
    """

    reference: PageReference
    page: Page | None = None
    error: DoctrServeError | None = None
    warnings: tuple[PageWarning, ...] = ()
