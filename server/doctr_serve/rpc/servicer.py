"""The RPCs: a request in, messages out. No OCR happens here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import grpc

from doctr_serve.errors import NoDocumentsError
from doctr_serve.formats.protobuf import page_result
from doctr_serve.options import OCROptions
from doctr_serve.reading.pipeline import read_pages
from doctr_serve.rpc.call import Call
from doctr_serve.rpc.intake.uploads import documents_of, interruptible, receive_upload
from doctr_serve.rpc.silent_calls import takes_messages
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc

if TYPE_CHECKING:
    from doctr_serve.catalog.entries import CatalogEntry
    from doctr_serve.documents import DecoderPool, SourceDocument
    from doctr_serve.inference.engine import OCREngine
    from doctr_serve.reading.admission import Admission
    from doctr_serve.settings import Settings

__all__ = ["OCRServicer"]


class OCRServicer(ocr_pb2_grpc.OCRServiceServicer):
    """doctr_serve.v1.OCRService over one engine and one pool of decoders.

    Args:
        settings: the server's settings.
        engine: reads pages.
        decoders: turns documents into pages.
        admission: bounds the requests in flight.
    """

    def __init__(
        self, settings: Settings, *, engine: OCREngine, decoders: DecoderPool, admission: Admission
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._decoders = decoders
        self._admission = admission

    @takes_messages
    def StreamPages(  # noqa: N802 - grpc's name
        self, request_iterator: Iterator[ocr_pb2.OCRRequest], context: grpc.ServicerContext
    ) -> Iterator[ocr_pb2.PageResult]:
        """Yields a PageResult per page, each as soon as it is read."""
        call = self._call(context)
        with call.answer("StreamPages", self._admission):
            request = self._first(self._messages(request_iterator, call))
            options = self._options(request, call)
            documents = documents_of(request, max_bytes=self._settings.max_request_bytes)
            for result in self._read(options, documents, call):
                call.send_headers()
                yield result

    @takes_messages
    def ReadDocuments(  # noqa: N802 - grpc's name
        self, request_iterator: Iterator[ocr_pb2.OCRRequest], context: grpc.ServicerContext
    ) -> ocr_pb2.OCRResponse:
        """Returns the PageResults of all pages at once."""
        call = self._call(context)
        response = ocr_pb2.OCRResponse()
        with call.answer("ReadDocuments", self._admission):
            request = self._first(self._messages(request_iterator, call))
            options = self._options(request, call)
            documents = documents_of(request, max_bytes=self._settings.max_request_bytes)
            response.results.extend(self._read(options, documents, call))
            call.send_headers()
        return response

    def UploadDocuments(  # noqa: N802 - grpc's name
        self, request_iterator: Iterator[ocr_pb2.OCRRequest], context: grpc.ServicerContext
    ) -> Iterator[ocr_pb2.PageResult]:
        """Yields a PageResult per page of the documents that arrive in pieces."""
        call = self._call(context)
        with call.answer("UploadDocuments", self._admission), ExitStack() as stack:
            messages = self._messages(request_iterator, call)
            first = self._first(messages)
            options = self._options(first, call)
            documents = receive_upload(first, messages, self._settings, stack)
            for result in self._read(options, documents, call):
                call.send_headers()
                yield result

    def ListModels(  # noqa: N802 - grpc's name
        self, request: ocr_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> ocr_pb2.ListModelsResponse:
        """Returns every model of the catalog and the default pair."""
        response = ocr_pb2.ListModelsResponse(
            default_detection_model=self._settings.default_detection_model,
            default_recognition_model=self._settings.default_recognition_model,
        )
        with self._call(context).answer("ListModels"):
            response.models.extend(self._model(entry) for entry in self._engine.catalog.entries())
        return response

    def _model(self, entry: CatalogEntry) -> ocr_pb2.Model:
        return ocr_pb2.Model(
            name=entry.name,
            task=f"MODEL_TASK_{entry.task.name}",
            architecture=entry.architecture,
            source=f"WEIGHTS_SOURCE_{entry.source.name}",
            available=self._engine.catalog.is_available(entry),
            loaded=self._engine.is_loaded(entry),
        )

    def _messages(
        self, request_iterator: Iterator[ocr_pb2.OCRRequest], call: Call
    ) -> Iterator[ocr_pb2.OCRRequest]:
        return interruptible(
            request_iterator, call.interrupt, idle_timeout_s=self._settings.upload_idle_timeout_s
        )

    @staticmethod
    def _first(messages: Iterator[ocr_pb2.OCRRequest]) -> ocr_pb2.OCRRequest:
        first = next(messages, None)
        if first is None:
            raise NoDocumentsError("the request is empty; send at least one document", field="files")
        return first

    def _call(self, context: grpc.ServicerContext) -> Call:
        return Call(context, request_timeout_s=self._settings.request_timeout_s)

    def _options(self, request: ocr_pb2.OCRRequest, call: Call) -> OCROptions:
        """Returns the checked options: a wrong one is refused before any document is looked at."""
        options = OCROptions.from_request(request, self._settings)
        self._engine.check(options, call.interrupt)
        return options

    def _read(
        self, options: OCROptions, documents: list[SourceDocument], call: Call
    ) -> Iterator[ocr_pb2.PageResult]:
        with (
            self._admission.turn(call.interrupt),
            self._decoders.open(documents, pages=options.pages, interrupt=call.interrupt) as opened,
        ):
            predictor, models = self._engine.predictor(options, call.interrupt)
            readings = read_pages(
                opened.decode(),
                predictor,
                detection_batch_size=options.detection_batch_size,
                max_batch_pixels=self._settings.max_page_pixels,
                interrupt=call.interrupt,
                request_id=call.request_id,
            )
            for reading in readings:
                if reading.error is not None and len(opened.references) == 1:
                    raise reading.error  # the only page: nothing else can be lost by refusing the request
                call.pages += 1
                call.failed_pages += reading.error is not None
                yield page_result(reading, models)
