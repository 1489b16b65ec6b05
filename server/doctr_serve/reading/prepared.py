"""A request whose options are checked: it reads documents as soon as it has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from doctr_serve.catalog.choice import ChosenModels
from doctr_serve.documents import DecoderPool, SourceDocument
from doctr_serve.inference.engine import OCREngine
from doctr_serve.options import ReadingOptions
from doctr_serve.reading.admission import Admission
from doctr_serve.reading.page_reading import PageReading
from doctr_serve.reading.pipeline import read_pages
from doctr_serve.reading.request import RequestContext

__all__ = ["PreparedReading"]


class PreparedReading:
    """Documents, admission, decoding and models meet here; made by :meth:`Reader.prepare`.

    Attributes:
        options: the request's options.
        models: the models that will answer.
    """

    def __init__(
        self,
        options: ReadingOptions,
        models: ChosenModels,
        context: RequestContext,
        *,
        admission: Admission,
        decoders: DecoderPool,
        engine: OCREngine,
    ) -> None:
        self.options = options
        self.models = models
        self._context = context
        self._admission = admission
        self._decoders = decoders
        self._engine = engine

    def read(self, documents: Sequence[SourceDocument]) -> Iterator[PageReading]:
        """Waits for the request's turn, then yields the reading of each page as soon as it is there.

        A page that fails is yielded with its error while the others go on; the only page of a request raises it,
        since nothing else can be lost by that.

        Raises:
            NoDocumentsError: ``documents`` is empty.
            RequestTooLargeError: too many documents or pages.
            InvalidOptionError: ``pages`` is malformed or selects nothing of a document.
            DocumentError: a document cannot be read (its subclass says why), or a page of it is too large.
            StopSignal: the request was cancelled, or its deadline passed.
        """
        interrupt = self._context.interrupt
        with (
            self._admission.turn(interrupt),
            self._decoders.open(documents, pages=self.options.pages, interrupt=interrupt) as opened,
        ):
            readings = read_pages(
                opened.decode(),
                self._engine.predictor(self.options, self.models, interrupt),
                detection_batch_size=self.options.detection_batch_size,
                max_batch_pixels=self._decoders.limits.max_page_pixels,
                context=self._context,
            )
            for reading in readings:
                if reading.error is not None and len(opened.references) == 1:
                    raise reading.error
                yield reading
