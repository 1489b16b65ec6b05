"""The RPCs: a request in, messages out. No OCR happens here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from doctr_serve.catalog.choice import ChosenModels
from doctr_serve.documents import SourceDocument
from doctr_serve.formats.protobuf import (
    detected_layout,
    detected_text,
    extracted_fields,
    extracted_tables,
    model,
    page_result,
    recognized_text,
)
from doctr_serve.reading import PageReading, PreparedReading, Reader
from doctr_serve.reading.arrivals import Arrival
from doctr_serve.rpc.announced_limits import limits_of
from doctr_serve.rpc.call import Call, current_call
from doctr_serve.rpc.intake.json_body import request_of
from doctr_serve.rpc.intake.messages import documents_of, receive_upload
from doctr_serve.rpc.intake.options import options_of
from doctr_serve.rpc.intake.spool import SpoolMemory
from doctr_serve.rpc.intake.uploads import UploadMessage
from doctr_serve.stage import Stage
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc

__all__ = ["OCRServicer"]

Request = TypeVar("Request", bound=UploadMessage)
Entry = TypeVar("Entry", bound=Message)


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
        request = request_of(request, self._settings)
        prepared = self._prepare(request, call)
        documents = documents_of(request, self._settings)
        del request  # the documents are copies, and wait here for their turn
        yield from _entries(prepared, documents, call, page_result)

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
        return self._upload(request_iterator, ocr_pb2.OCRRequest, Stage.READING, page_result)

    def DetectText(  # noqa: N802 - grpc's name
        self, request_iterator: Iterator[ocr_pb2.DetectTextRequest], context: grpc.ServicerContext
    ) -> Iterator[ocr_pb2.DetectTextResponse]:
        """Yields the boxes of each page's words."""
        return self._upload(request_iterator, ocr_pb2.DetectTextRequest, Stage.DETECTION, detected_text)

    def RecognizeText(  # noqa: N802 - grpc's name
        self, request_iterator: Iterator[ocr_pb2.RecognizeTextRequest], context: grpc.ServicerContext
    ) -> Iterator[ocr_pb2.RecognizeTextResponse]:
        """Yields the text of each picture of a word or a line."""
        return self._upload(
            request_iterator, ocr_pb2.RecognizeTextRequest, Stage.RECOGNITION, recognized_text
        )

    def ExtractFields(  # noqa: N802 - grpc's name
        self, request_iterator: Iterator[ocr_pb2.ExtractFieldsRequest], context: grpc.ServicerContext
    ) -> Iterator[ocr_pb2.ExtractFieldsResponse]:
        """Yields the words of each page by the classes of the detection model."""
        return self._upload(request_iterator, ocr_pb2.ExtractFieldsRequest, Stage.FIELDS, extracted_fields)

    def DetectLayout(  # noqa: N802 - grpc's name
        self, request_iterator: Iterator[ocr_pb2.DetectLayoutRequest], context: grpc.ServicerContext
    ) -> Iterator[ocr_pb2.DetectLayoutResponse]:
        """Yields the regions of each page."""
        return self._upload(request_iterator, ocr_pb2.DetectLayoutRequest, Stage.LAYOUT, detected_layout)

    def ExtractTables(  # noqa: N802 - grpc's name
        self, request_iterator: Iterator[ocr_pb2.ExtractTablesRequest], context: grpc.ServicerContext
    ) -> Iterator[ocr_pb2.ExtractTablesResponse]:
        """Yields the tables of each page."""
        return self._upload(request_iterator, ocr_pb2.ExtractTablesRequest, Stage.TABLES, extracted_tables)

    def ListModels(  # noqa: N802 - grpc's name
        self, request: ocr_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> ocr_pb2.ListModelsResponse:
        """Returns every model and the default pair."""
        return ocr_pb2.ListModelsResponse(
            models=[model(state) for state in self._reader.models()],
            default_detection_model=self._settings.default_detection_model,
            default_recognition_model=self._settings.default_recognition_model,
        )

    def GetLimits(  # noqa: N802 - grpc's name
        self, request: ocr_pb2.GetLimitsRequest, context: grpc.ServicerContext
    ) -> ocr_pb2.GetLimitsResponse:
        """Returns what a client must know before it uploads."""
        return limits_of(self._settings)

    def _upload(
        self,
        request_iterator: Iterator[Request],
        kind: type[Request],
        stage: Stage,
        entry: Callable[[PageReading, ChosenModels], Entry],
    ) -> Iterator[Entry]:
        """Yields an entry per page of the documents that arrive in pieces.

        Args:
            request_iterator: the messages; the first has the options.
            kind: of the messages.
            stage: what is asked of the pages.
            entry: makes an entry of a page's reading.
        """
        call = current_call()
        with ExitStack() as stack:
            with self._reader.arrival(call.context) as arrival:
                messages = _noted(request_iterator, arrival)
                first = next(messages, None) or kind()
                prepared = self._prepare(first, call, stage)
                documents = receive_upload(first, messages, self._settings, self._upload_memory, stack)
                del first  # as large as a message may be
                stack.enter_context(arrival.place())
            yield from _entries(prepared, documents, call, entry)

    def _prepare(self, request: UploadMessage, call: Call, stage: Stage = Stage.READING) -> PreparedReading:
        """Checks the options: a wrong one is refused before any document is looked at."""
        return self._reader.prepare(options_of(request, self._settings), call.context, stage)


def _noted(messages: Iterator[Request], arrival: Arrival) -> Iterator[Request]:
    for message in messages:
        arrival.note(message.ByteSize())
        yield message
        del message  # or it stays until the next one comes


def _entries(
    prepared: PreparedReading,
    documents: list[SourceDocument],
    call: Call,
    entry: Callable[[PageReading, ChosenModels], Entry],
) -> Iterator[Entry]:
    for reading in prepared.read(documents):
        call.pages += 1
        call.failed_pages += reading.error is not None
        yield entry(reading, prepared.models)
