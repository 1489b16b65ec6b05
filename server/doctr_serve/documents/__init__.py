"""Documents into pages: formats, limits, and the isolated processes that parse them."""

from doctr_serve.decoder.formats import ACCEPTED_FORMATS, FILE_FORMATS, FileFormat
from doctr_serve.documents.opened import OpenedDocuments
from doctr_serve.documents.pages import DecodedPage, DocumentLimits, PageReference, PageWarning
from doctr_serve.documents.pool import DecoderPool
from doctr_serve.documents.quota import DocumentQuota
from doctr_serve.documents.source import SourceDocument

__all__ = [
    "ACCEPTED_FORMATS",
    "FILE_FORMATS",
    "DecodedPage",
    "DecoderPool",
    "DocumentLimits",
    "DocumentQuota",
    "FileFormat",
    "OpenedDocuments",
    "PageReference",
    "PageWarning",
    "SourceDocument",
]
