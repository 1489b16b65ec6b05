"""What is known of a request's documents before the first page is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents.failures import crashed, document_error, stalled
from doctr_serve.documents.lease import DecoderLease
from doctr_serve.documents.page_selection import PageSelection
from doctr_serve.documents.pages import (
    DocumentLimits,
    PageReference,
    PageWarning,
    check_page_size,
    warnings_of,
)
from doctr_serve.documents.process import DecoderGoneError, DecoderOvertimeError, DecoderStalledError
from doctr_serve.documents.source import SourceDocument
from doctr_serve.errors import DoctrServeError, DocumentError, InvalidOptionError, RequestTooLargeError

__all__ = ["Inspection", "inspect"]

# Formats with pages; of the others, a single picture, `pages` selects nothing and leaves out nothing.
MULTI_PAGE_FORMATS = ("pdf", "tiff")


@dataclass
class Inspection:
    """The pages that will be read, and what is wrong already.

    Attributes:
        references: every page that will be read, in order; a document that cannot be read is one entry with page
            number 0.
        failures: by position in ``references``, why there is nothing to read.
        warnings: by document, what to know of it as a whole.
        open_document: index of the document that is open in the decoder process; None where none is.
    """

    references: list[PageReference] = field(default_factory=list)
    failures: dict[int, DoctrServeError] = field(default_factory=dict)
    warnings: dict[int, tuple[PageWarning, ...]] = field(default_factory=dict)
    open_document: int | None = None


def inspect(
    documents: Sequence[SourceDocument],
    selection: PageSelection,
    lease: DecoderLease,
    limits: DocumentLimits,
    interrupt: Interrupt,
) -> Inspection:
    """Opens every document once and looks at its headers.

    A document that cannot be read, or has none of the selected pages, leaves the others to be read.

    Raises:
        DoctrServeError: no document can be read: the first one's error.
        RequestTooLargeError: more pages than one request may have.
        StopSignal: ``interrupt`` fired.
    """
    inspector = _Inspector(selection, lease, limits, interrupt)
    for index, document in enumerate(documents):
        inspector.look_at(index, document)
    found = inspector.found
    if len(found.failures) == len(found.references):
        raise next(iter(found.failures.values()))
    return found


class _Inspector:
    """Looks at one document after the other."""

    def __init__(
        self, selection: PageSelection, lease: DecoderLease, limits: DocumentLimits, interrupt: Interrupt
    ) -> None:
        self._selection = selection
        self._lease = lease
        self._limits = limits
        self._interrupt = interrupt
        self.found = Inspection()

    def look_at(self, index: int, document: SourceDocument) -> None:
        """Adds a document's pages, or its failure."""
        before = len(self.found.references)
        try:
            self._look_twice(index, document)
        except (DocumentError, InvalidOptionError) as error:
            del self.found.references[before:]
            self._fail(index, document, error)
        except DecoderGoneError:
            self._fail(index, document, crashed(document.name, None, self._lease))
        except DecoderStalledError:
            self._fail(index, document, stalled(document.name, None, self._lease, self._limits))

    def _fail(self, index: int, document: SourceDocument, error: DoctrServeError) -> None:
        self.found.failures[len(self.found.references)] = error
        self.found.references.append(PageReference(document.name, index, 0, 0, 0, 0))
        self.found.open_document = None

    def _look_twice(self, index: int, document: SourceDocument) -> None:
        try:
            self._look(index, document)
        except DecoderOvertimeError:
            raise
        except (DecoderGoneError, DecoderStalledError):
            # Not for certain this document's fault: the system kills and stops processes when memory is short.
            self._lease.replace()
            self._look(index, document)

    def _look(self, index: int, document: SourceDocument) -> None:
        process = self._lease.process
        process.send_document(document)
        reply = process.receive(self._interrupt)
        if "error" in reply:
            raise document_error(reply["error"], reply["problem"], document.name)
        self.found.open_document = index
        self.found.warnings[index] = warnings_of(reply)
        page_count = reply["page_count"]
        selection = self._selection if reply["format"] in MULTI_PAGE_FORMATS else PageSelection("")
        selection.check_not_empty(document.name, page_count)
        if len(self.found.references) + selection.count(page_count) > self._limits.max_pages:
            raise RequestTooLargeError(
                f"with '{document.name}' the request has more than {self._limits.max_pages} pages, the most "
                "this server reads in one; select fewer with pages, or send several requests",
                field="pages",
            )
        pages = selection.select(page_count)
        process.send("sizes", pages=pages)
        reply = process.receive(self._interrupt)
        if "error" in reply:
            raise document_error(reply["error"], reply["problem"], document.name)
        for page, (height, width) in zip(pages, reply["sizes"], strict=True):
            reference = PageReference(document.name, index, page, page_count, int(height), int(width))
            if (
                page_count == 1
            ):  # Of several pages, one that is too large is an error of its own when it is decoded.
                check_page_size(reference, reference.height, reference.width, self._limits)
            self.found.references.append(reference)
