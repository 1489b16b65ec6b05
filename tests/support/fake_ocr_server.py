"""A real gRPC server with a scripted OCRService, for the client's edges: no page is read here.

What a client sees of it (statuses, details, trailers, pages one by one) is what the real server sends: the
errors are the server's own classes, turned into statuses by the server's own code.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from doctr_serve.errors import DoctrServeError, UnsupportedDocumentError
from doctr_serve.formats.status import to_status
from doctr_serve.rpc.announced_limits import limits_of
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from google.protobuf import json_format
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

SERVICE_NAME = "doctr_serve.v1.OCRService"


@dataclass
class ReceivedDocument:
    name: str
    content_type: str
    pdf_password: str
    size_bytes: int = 0
    messages: int = 0
    largest_piece_bytes: int = 0
    sha256: str = ""
    _hash: object = field(default_factory=hashlib.sha256, repr=False)

    def add(self, piece: bytes) -> None:
        self._hash.update(piece)
        self.size_bytes += len(piece)
        self.messages += 1
        self.largest_piece_bytes = max(self.largest_piece_bytes, len(piece))
        self.sha256 = self._hash.hexdigest()


@dataclass
class ReceivedCall:
    method: str
    options: dict[str, object]
    metadata: dict[str, str]
    documents: list[ReceivedDocument] = field(default_factory=list)
    arrived_whole: bool = False
    started: float = field(default_factory=time.monotonic)
    trailers: tuple = ()
    ended: threading.Event = field(default_factory=threading.Event)


class FakeOCRService(ocr_pb2_grpc.OCRServiceServicer):
    """Every document has ``pages`` pages whose one word is "<name>-<number>"; ``bad*`` documents are refused.

    Attributes:
        calls: what arrived, oldest first.
        failures: errors for the next calls, one each, raised before anything is read; None lets a call pass.
        pages: pages per document.
        page_permits: one is taken per page; None sends pages at once.
        fail_after_pages: a call breaks off with this error after one page; used once.
        bad_pages: numbers of pages that come back with an error.
        warnings: by page number, codes and messages of its warnings.
        word: text of the word, when it should be another one.
        delays_s: seconds before the first page of the documents with these names.
        most_at_once: largest number of calls that were open at the same time.
        settings: whose limits it tells.
    """

    def __init__(self) -> None:
        self.calls: list[ReceivedCall] = []
        self.failures: deque[DoctrServeError | grpc.StatusCode | None] = deque()
        self.pages = 1
        self.page_permits: threading.Semaphore | None = None
        self.fail_after_pages: DoctrServeError | None = None
        self.bad_pages: dict[int, DoctrServeError] = {}
        self.warnings: dict[int, list[tuple[str, str]]] = {}
        self.word: str | None = None
        self.delays_s: dict[str, float] = {}
        self.most_at_once = 0
        self.settings = Settings()

    def StreamPages(self, request, context):  # noqa: N802 - grpc's name
        call = self._begin("StreamPages", request, context)
        yield from self._results(call, [request], context)

    def ReadDocuments(self, request, context):  # noqa: N802 - grpc's name
        call = self._begin("ReadDocuments", request, context)
        return ocr_pb2.OCRResponse(results=self._results(call, [request], context))

    def UploadDocuments(self, request_iterator, context):  # noqa: N802 - grpc's name
        first = next(request_iterator)
        call = self._begin("UploadDocuments", first, context)
        yield from self._results(call, self._chain(first, request_iterator), context)

    def ListModels(self, request, context):  # noqa: N802 - grpc's name
        self._begin("ListModels", ocr_pb2.OCRRequest(), context)
        return ocr_pb2.ListModelsResponse(
            models=[ocr_pb2.Model(name="db_resnet50", task=ocr_pb2.MODEL_TASK_DETECTION, available=True)],
            default_detection_model="db_resnet50",
            default_recognition_model="crnn_vgg16_bn",
        )

    def GetLimits(self, request, context):  # noqa: N802 - grpc's name
        self._begin("GetLimits", ocr_pb2.OCRRequest(), context)
        return limits_of(self.settings)

    def _begin(self, method, request, context) -> ReceivedCall:
        options = ocr_pb2.OCRRequest()
        options.CopyFrom(request)
        options.ClearField("documents")
        call = ReceivedCall(
            method,
            json_format.MessageToDict(options, preserving_proto_field_name=True),
            dict(context.invocation_metadata()),
        )
        context.add_callback(call.ended.set)
        call.trailers = (("x-request-id", f"request-{len(self.calls)}"),)
        context.set_trailing_metadata(call.trailers)
        self.calls.append(call)
        self.most_at_once = max(self.most_at_once, sum(not each.ended.is_set() for each in self.calls))
        failure = self.failures.popleft() if self.failures else None
        if isinstance(failure, grpc.StatusCode):
            context.abort(failure, "as a proxy would say it")
        if failure is not None:
            self._abort(context, failure, call)
        return call

    @staticmethod
    def _chain(first, rest):
        yield first
        yield from rest

    def _results(self, call, requests, context) -> Iterator[ocr_pb2.PageResult]:
        for request in requests:
            for document in request.documents:
                if not document.continued:
                    call.documents.append(
                        ReceivedDocument(document.name, document.content_type, document.pdf_password)
                    )
                call.documents[-1].add(document.content)
        call.arrived_whole = True
        for document in call.documents:
            if document.name.startswith("bad"):
                self._abort(context, UnsupportedDocumentError(document.name, "is no JPEG, PNG or PDF"), call)
        for document in call.documents:
            time.sleep(self.delays_s.get(document.name, 0))
            for number in range(1, self.pages + 1):
                while self.page_permits is not None and not self.page_permits.acquire(timeout=0.05):
                    if not context.is_active():
                        return
                yield self._page(document.name, number)
                if self.fail_after_pages is not None:
                    failure, self.fail_after_pages = self.fail_after_pages, None
                    self._abort(context, failure, call)

    def _page(self, name, number) -> ocr_pb2.PageResult:
        result = ocr_pb2.PageResult(
            name=name,
            orientation=ocr_pb2.Orientation(),
            language=ocr_pb2.Language(),
            dimensions=[1684, 1190],
            page_number=number,
            page_count=self.pages,
            warnings=[
                ocr_pb2.PageWarning(code=code, message=message)
                for code, message in self.warnings.get(number, ())
            ],
        )
        if number in self.bad_pages:
            result.error.CopyFrom(to_status(self.bad_pages[number]))
            return result
        word = ocr_pb2.Word(value=self.word or f"{name}-{number}", confidence=0.99, detection_score=0.95)
        word.text_orientation.value = 0
        line = ocr_pb2.Line(words=[word], detection_score=0.93)
        result.pages.add().blocks.add(lines=[line], detection_score=0.93)
        return result

    @staticmethod
    def _abort(context, error: DoctrServeError, call: ReceivedCall):
        status = rpc_status.to_status(to_status(error))
        # abort_with_status replaces the trailers that were set before (grpc/_server.py).
        context.abort_with_status(
            status._replace(trailing_metadata=(*status.trailing_metadata, *call.trailers))
        )


@dataclass
class FakeServer:
    address: str
    service: FakeOCRService
    health: health.HealthServicer
    grpc_server: grpc.Server

    def set_serving(self, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        self.health.set(SERVICE_NAME, status.SERVING if serving else status.NOT_SERVING)


@contextmanager
def run_fake_server(
    credentials: grpc.ServerCredentials | None = None, *, with_health: bool = True
) -> Iterator[FakeServer]:
    server = grpc.server(ThreadPoolExecutor(8))
    service = FakeOCRService()
    health_servicer = health.HealthServicer(experimental_non_blocking=True)
    ocr_pb2_grpc.add_OCRServiceServicer_to_server(service, server)
    if with_health:
        health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    if credentials is None:
        port = server.add_insecure_port("localhost:0")
    else:
        port = server.add_secure_port("localhost:0", credentials)
    server.start()
    try:
        yield FakeServer(f"localhost:{port}", service, health_servicer, server)
    finally:
        server.stop(grace=None).wait()
