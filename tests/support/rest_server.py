"""A real gRPC server behind a real Envoy, with the scripted service of ``fake_ocr_server``.

It reads forms and JSON with the server's own code and refuses with the server's own statuses and trailers, so
that what Envoy sees is what the real server sends; only the reading of pages is scripted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import IO

import grpc
from doctr_serve.edge.config import Config, EnvoyOptions, render
from doctr_serve.edge.envoy_process import EnvoyProcess
from doctr_serve.errors import DoctrServeError
from doctr_serve.formats.status import to_status
from doctr_serve.rpc.intake.forms import FormReader
from doctr_serve.rpc.intake.json_body import request_of
from doctr_serve.rpc.server import METADATA_OPTIONS
from doctr_serve.rpc.trailers import error_trailers
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from support.fake_ocr_server import SERVICE_NAME, FakeOCRService, FakeServer
from support.forms import spool_memory

START_TIMEOUT_S = 30


class FakeFormService(FakeOCRService):
    """The scripted service, which takes forms and JSON too.

    Attributes:
        max_request_bytes: longest form.
    """

    def __init__(self, max_request_bytes: int) -> None:
        super().__init__()
        self.max_request_bytes = max_request_bytes

    def StreamPages(self, request, context):  # noqa: N802 - grpc's name
        yield from super().StreamPages(self._read_json(request, context), context)

    def ReadDocuments(self, request, context):  # noqa: N802 - grpc's name
        return super().ReadDocuments(self._read_json(request, context), context)

    def _read_json(self, request, context):
        """The request that is in the body, read by the server's own code."""
        try:
            return request_of(request, Settings(max_documents=8))
        except DoctrServeError as error:
            self._abort(context, error, self._begin("JSON", ocr_pb2.OCRRequest(), context))

    def UploadDocuments(self, request_iterator, context):  # noqa: N802 - grpc's name
        first = next(request_iterator)
        if not first.HasField("body"):
            yield from super().UploadDocuments(itertools.chain([first], request_iterator), context)
            return
        options = ocr_pb2.OCRRequest()
        options.CopyFrom(first)
        options.ClearField("body")
        call = self._begin("UploadDocuments", options, context)
        request = ocr_pb2.OCRRequest()
        try:
            with FormReader(
                first.body.content_type,
                max_bytes=self.max_request_bytes,
                max_documents=8,
                memory=spool_memory(1 << 30, all_bytes=1 << 32),
            ) as form:
                for message in itertools.chain([first], request_iterator):
                    form.feed(message.body.data)
                for document in form.finish():
                    request.documents.add(
                        name=document.name, content=document.content, pdf_password=document.pdf_password
                    )
        except DoctrServeError as error:
            self._abort(context, error, call)
        yield from self._results(call, [request], context)

    @staticmethod
    def _abort(context, error, call):
        status = rpc_status.to_status(to_status(error))
        trailers = (*status.trailing_metadata, *error_trailers(error), *call.trailers)
        context.abort_with_status(status._replace(trailing_metadata=trailers))


@contextmanager
def run_form_server(
    *, host: str = "127.0.0.1", port: int = 0, max_request_bytes: int
) -> Iterator[FakeServer]:
    """Runs a server with the scripted service; its health is SERVING."""
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0), *METADATA_OPTIONS])
    service = FakeFormService(max_request_bytes)
    health_servicer = health.HealthServicer(experimental_non_blocking=True)
    ocr_pb2_grpc.add_OCRServiceServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    health_servicer.set(SERVICE_NAME, health_pb2.HealthCheckResponse.SERVING)
    bound_port = server.add_insecure_port(f"{host}:{port}")
    server.start()
    try:
        yield FakeServer(f"{host}:{bound_port}", service, health_servicer, server)
    finally:
        server.stop(grace=None).wait()


@contextmanager
def run_envoy(
    options: EnvoyOptions, *, config: Config | None = None, output: IO[bytes] | None = None
) -> Iterator[str]:
    """Runs Envoy on free ports; yields its ``http://host:port``.

    Args:
        options: as the command's; addresses to listen on are replaced.
        config: a configuration to run instead of what the options give.
        output: where Envoy's stdout and stderr go.
    """
    options = replace(options, listen="127.0.0.1:0", admin="127.0.0.1:0")
    with EnvoyProcess(config or render(options), concurrency=1, output=output) as process:
        yield f"http://127.0.0.1:{process.listening_port(START_TIMEOUT_S)}"
