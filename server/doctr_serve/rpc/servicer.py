"""The RPCs: a request in, messages out. No OCR happens here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import grpc

from doctr_serve.documents import SourceDocument
from doctr_serve.formats.protobuf import model, page_result
from doctr_serve.reading import PreparedReading, Reader
from doctr_serve.reading.arrivals import Arrival
from doctr_serve.rpc.call import Call, current_call
from doctr_serve.rpc.intake.messages import documents_of, receive_upload
from doctr_serve.rpc.intake.options import options_of
from doctr_serve.rpc.intake.spool import SpoolMemory
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc

__all__ = ["OCRServicer"]


class OCRServicer(ocr_pb2_grpc.OCRServiceServicer):
    """doctr_serve.v1.OCRService over one reader; its calls have come through the ``CallInterceptor``.

    Args:
        reader: reads documents.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._settings = reader.settings
        self._upload_memory = SpoolMemory.from_settings(reader.settings)

    def StreamPages(  # noqa: N802 - grpc's name
        self, request: ocr_pb2.OCRRequest, context: grpc.ServicerContext
    ) -> Iterator[ocr_pb2.PageResult]:
        """Yields a PageResult per page, each as soon as it is read."""
        call = current_call()
        prepared = self._prepare(request, call)
        documents = documents_of(request, self._settings)
        del request  # the documents are copies, and wait here for their turn
        yield from _results(prepared, documents, call)

    def ReadDocuments(  # noqa: N802 - grpc's name
        self, request: ocr_pb2.OCRRequest, context: grpc.ServicerContext
    ) -> ocr_pb2.OCRResponse:
        """Returns the PageResults of all pages at once."""
        pages = self.StreamPages(request, context)
        del request
        return ocr_pb2.OCRResponse(results=pages)

    def UploadDocuments(  # noqa: N802 - grpc's name
        self, request_iterator: Iterator[ocr_pb2.OCRRequest], context: grpc.ServicerContext
    ) -> Iterator[ocr_pb2.PageResult]:
        """Yields a PageResult per page of the documents that arrive in pieces."""
        call = current_call()
        with ExitStack() as stack:
            with self._reader.arrival(call.context) as arrival:
                messages = _noted(request_iterator, arrival)
                first = next(messages, None) or ocr_pb2.OCRRequest()
                prepared = self._prepare(first, call)
                documents = receive_upload(first, messages, self._settings, self._upload_memory, stack)
                del first  # as large as a message may be
                stack.enter_context(arrival.place())
            yield from _results(prepared, documents, call)

    def ListModels(  # noqa: N802 - grpc's name
        self, request: ocr_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> ocr_pb2.ListModelsResponse:
        """Returns every model of the catalog and the default pair."""
        return ocr_pb2.ListModelsResponse(
            models=[model(state) for state in self._reader.models()],
            default_detection_model=self._settings.default_detection_model,
            default_recognition_model=self._settings.default_recognition_model,
        )

    def _prepare(self, request: ocr_pb2.OCRRequest, call: Call) -> PreparedReading:
        """Checks the options: a wrong one is refused before any document is looked at."""
        return self._reader.prepare(options_of(request, self._settings), call.context)


def _noted(messages: Iterator[ocr_pb2.OCRRequest], arrival: Arrival) -> Iterator[ocr_pb2.OCRRequest]:
    for message in messages:
        arrival.note(message.ByteSize())
        yield message
        del message  # or it stays until the next one comes


def _results(
    prepared: PreparedReading, documents: list[SourceDocument], call: Call
) -> Iterator[ocr_pb2.PageResult]:
    for reading in prepared.read(documents):
        call.pages += 1
        call.failed_pages += reading.error is not None
        yield page_result(reading, prepared.models)
