"""The core: documents in, readings of their pages out. RPCs and the in-process API call it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.memory_budget import MemoryBudget
from doctr_serve.documents import DecoderPool, SourceDocument
from doctr_serve.documents.page_selection import PageSelection
from doctr_serve.errors import DeadlineExceeded
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.model_states import ModelState
from doctr_serve.options import ReadingOptions
from doctr_serve.reading.admission import Admission
from doctr_serve.reading.arrivals import Arrival
from doctr_serve.reading.page_reading import PageReading
from doctr_serve.reading.prepared import PreparedReading
from doctr_serve.reading.request import RequestContext
from doctr_serve.settings import Settings
from doctr_serve.stage import Stage

__all__ = ["ModelState", "Reader"]


class Reader:
    """Reads documents with docTR's models; everything that a server needs but the transport. Thread-safe.

    Args:
        settings: by default those of the environment (``DOCTR_SERVE_...``).
        engine: holds the models; by default the one the settings describe.
        decoders: turn documents into pages; by default those the settings describe.

    Example:
        >>> with Reader() as reader:
        ...     for reading in reader.read(["invoice.pdf"], reader.options(detect_language=True)):
        ...         print(reading.page.render() if reading.page else reading.error)
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        engine: OCREngine | None = None,
        decoders: DecoderPool | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self._engine = engine or OCREngine(self.settings)
        self._decoders = decoders or DecoderPool(self.settings)
        self._admission = Admission(
            max_concurrent_requests=self.settings.max_concurrent_requests,
            max_queued_requests=self.settings.max_queued_requests,
            max_uploads=self.settings.max_uploads,
            min_upload_bytes_per_s=self.settings.min_upload_bytes_per_s,
        )
        self._work_memory = MemoryBudget(self.settings.work_memory_bytes)

    def __enter__(self) -> Self:
        self.warm()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm(self) -> None:
        """Starts the decoders and loads the models; requests are let in from then on.

        Raises:
            WeightsUnavailableError: weights that are missing and could not be fetched.
        """
        self._decoders.warm()
        self._engine.warm()
        self._admission.set_ready()

    def options(self, **given: Any) -> ReadingOptions:
        """Returns the options that are given, the others at the settings' and the contract's defaults."""
        return ReadingOptions.defaults(self.settings, **given)

    def read(
        self,
        documents: Sequence[SourceDocument | str | os.PathLike[str] | bytes],
        options: ReadingOptions | None = None,
        interrupt: Interrupt | None = None,
        stage: Stage = Stage.READING,
    ) -> Iterator[PageReading]:
        """Reads documents in this process.

        Args:
            documents: paths, contents, or documents with a name and a password of their own.
            options: see :meth:`options`; the defaults without.
            interrupt: stops the reading: its ``cancel()``, or its timeout.
            stage: what is asked of the pages.

        Returns:
            An iterator of the pages' readings, in order; a page that cannot be read has its ``error`` set.

        Raises:
            DoctrServeError: before the first page, where nothing can be read; see :meth:`PreparedReading.read`.
            TimeoutError: the interrupt's deadline passed.
            RequestCancelled: the interrupt was cancelled; no ``Exception``, as asyncio's is none.
            OSError: a file that cannot be opened.
        """
        context = RequestContext(interrupt or Interrupt())
        sources = [SourceDocument.of(document, number) for number, document in enumerate(documents, start=1)]
        try:
            with self.place():
                yield from self.prepare(options or self.options(), context, stage).read(sources)
        except DeadlineExceeded as stop:
            raise TimeoutError(stop.message) from stop

    def place(self) -> AbstractContextManager[None]:
        """Holds one of the bounded places of requests in flight, from a request's arrival to its end.

        Raises:
            NotReadyError: before :meth:`warm` is done.
            ShuttingDownError: after :meth:`drain`.
            QueueFullError: no place is free.
        """
        return self._admission.place()

    def arrival(self, context: RequestContext) -> AbstractContextManager[Arrival]:
        """Lets a request arrive without a place; see :meth:`Admission.arrival`."""
        return self._admission.arrival(context.interrupt, context.standing.caller)

    def prepare(
        self, options: ReadingOptions, context: RequestContext, stage: Stage = Stage.READING
    ) -> PreparedReading:
        """Checks the options and chooses the models: once, and before any document is looked at.

        Raises:
            InvalidOptionError: an option out of its range, ``pages`` that are malformed, or a model that does not
                exist.
            WeightsUnavailableError: a known model whose weights are not here.
            StopSignal: the request was cancelled, or its deadline passed, while weights were fetched.
        """
        options.validate(self.settings)
        PageSelection(options.pages)  # An upload may take minutes until its documents are opened.
        models = self._engine.choose(options, context.interrupt, stage)
        return PreparedReading(
            options,
            models,
            context,
            admission=self._admission,
            decoders=self._decoders,
            engine=self._engine,
            work_memory=self._work_memory,
            stage=stage,
        )

    def models(self) -> list[ModelState]:
        """Returns what is known of every model; see :meth:`OCREngine.models`."""
        return self._engine.models()

    def drain(self) -> None:
        """Refuses every new request from now on."""
        self._admission.drain()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Returns True as soon as no request is in flight, False when ``timeout_s`` passed before."""
        return self._admission.wait_until_idle(timeout_s)

    def release_memory(self) -> None:
        """Gives back what the models keep between pages; for times of idleness."""
        self._engine.release_memory()

    def close(self) -> None:
        """Ends the decoder processes and the forward threads."""
        self._decoders.close()
        self._engine.close()
