"""A request whose options are checked: it reads documents as soon as it has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

from doctr_serve.catalog.choice import ChosenModels
from doctr_serve.common.memory_budget import MemoryBudget
from doctr_serve.documents import DecoderPool, SourceDocument
from doctr_serve.inference.engine import OCREngine
from doctr_serve.options import ReadingOptions
from doctr_serve.reading.admission import Admission
from doctr_serve.reading.page_reading import PageReading
from doctr_serve.reading.pipeline import Predictor, read_pages
from doctr_serve.reading.request import RequestContext
from doctr_serve.stage import Stage

__all__ = ["PreparedReading"]

MAX_BATCH_PIXELS = 16_000_000
"""Decoded pixels of a detection batch, 48 MB: a request may hold that much while its caller takes a page."""


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
        work_memory: MemoryBudget,
        stage: Stage,
    ) -> None:
        self.options = options
        self.models = models
        self._context = context
        self._admission = admission
        self._decoders = decoders
        self._engine = engine
        self._work_memory = work_memory
        self._stage = stage

    def read(self, documents: Sequence[SourceDocument]) -> Iterator[PageReading]:
        """Yields the reading of each page as soon as it is there, each page in a turn of its own.

        Between pages, while the caller takes one, the request holds neither a turn nor a decoder process: a caller
        who is slow to take them keeps nobody waiting, and a short document need not wait for a long one to end.

        A page that fails is yielded with its error while the others go on; the only page of a request raises it,
        since nothing else can be lost by that.

        Raises:
            NoDocumentsError: ``documents`` is empty.
            RequestTooLargeError: too many documents or pages.
            InvalidOptionError: ``pages`` is malformed or selects nothing of the only document.
            DocumentError: no document can be read (the subclass says why).
            StopSignal: the request was cancelled, or its deadline passed.
        """
        interrupt, standing = self._context.interrupt, self._context.standing
        with ExitStack() as stack:
            turns = stack.enter_context(self._admission.turns(standing, interrupt))
            with turns.turn():
                opened = stack.enter_context(
                    self._decoders.open(documents, pages=self.options.pages, interrupt=interrupt)
                )
                opened.park()
            predictor = self._predictor()
            readings = read_pages(
                opened.decode(),
                predictor,
                max_batch_pixels=min(MAX_BATCH_PIXELS, self._decoders.limits.max_page_pixels),
                context=self._context,
            )
            stack.enter_context(closing(readings))
            for position in range(len(opened.references)):
                # In this order: the page's memory, a turn, memory to work with, a decoder process. Who waits for one
                # holds none of those after it.
                opened.reserve()
                work_bytes = predictor.working_bytes(opened.shapes(position, predictor.batch_size))
                with turns.turn(), self._work_memory.held(work_bytes, interrupt), opened.at_work():
                    reading = next(readings)
                standing.pages_read += 1
                if reading.error is not None and len(opened.references) == 1:
                    raise reading.error
                yield reading

    def _predictor(self) -> Predictor:
        request = self.options, self.models, self._context.interrupt, self._context.standing
        match self._stage:
            case Stage.RECOGNITION:
                return self._engine.picture_predictor(*request)
            case Stage.LAYOUT:
                return self._engine.region_predictor(*request)
        return self._engine.predictor(*request, self._stage)
