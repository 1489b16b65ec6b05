"""The core: documents in, readings out, without a transport."""

from doctr_serve.reading.page_reading import PageReading
from doctr_serve.reading.prepared import PreparedReading
from doctr_serve.reading.reader import ModelState, Reader
from doctr_serve.reading.request import RequestContext

__all__ = ["ModelState", "PageReading", "PreparedReading", "Reader", "RequestContext"]
