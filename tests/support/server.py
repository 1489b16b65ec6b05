"""The real server in this process, behind a real gRPC channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from doctr_serve.reading import Reader
from doctr_serve.rpc.server import OCRServer
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

__all__ = [
    "DETECTION_MODEL",
    "RECOGNITION_MODEL",
    "Failure",
    "Service",
    "failure_of",
    "request",
    "running",
    "settings_for",
    "unpacked",
]

DETECTION_MODEL = "db_mobilenet_v3_large"
RECOGNITION_MODEL = "crnn_mobilenet_v3_small"

DETAILS = (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo)


@dataclass
class Service:
    """A server and a channel to it."""

    server: OCRServer
    channel: grpc.Channel
    stub: ocr_pb2_grpc.OCRServiceStub

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def health(self, service: str = "") -> str:
        """What the health service says: SERVING, NOT_SERVING."""
        stub = health_pb2_grpc.HealthStub(self.channel)
        status = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=30).status
        return health_pb2.HealthCheckResponse.ServingStatus.Name(status)

    def stream(
        self, *documents: bytes | ocr_pb2.Document, timeout_s: float = 240, **options: Any
    ) -> list[ocr_pb2.PageResult]:
        """Reads documents with StreamPages and returns every page."""
        return list(self.stub.StreamPages(request(*documents, **options), timeout=timeout_s))


def settings_for(weights_dir: Path, **changes: Any) -> Settings:
    """Settings of a server on a free port with the weights of ``weights_dir``, nothing from the environment's."""
    return Settings(
        **{
            "port": 0,
            "weights_dir": weights_dir,
            "download_at_start": False,
            "default_detection_model": DETECTION_MODEL,
            "default_recognition_model": RECOGNITION_MODEL,
            "log_level": "warning",
            **changes,
        }
    )


@contextmanager
def running(
    settings: Settings,
    *,
    reader: Reader | None = None,
    interceptors: Sequence[grpc.ServerInterceptor] = (),
    warm: bool = True,
) -> Iterator[Service]:
    """A server that listens, and serves too when ``warm``; stopped at the end."""
    server = OCRServer(settings, reader, interceptors=interceptors)
    server.start()
    try:
        if warm:
            server.warm()
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield Service(server, channel, ocr_pb2_grpc.OCRServiceStub(channel))
    finally:
        server.stop()


def request(*documents: bytes | ocr_pb2.Document, **options: Any) -> ocr_pb2.OCRRequest:
    """A request with documents given as bytes or messages."""
    return ocr_pb2.OCRRequest(
        documents=[
            document if isinstance(document, ocr_pb2.Document) else ocr_pb2.Document(content=document)
            for document in documents
        ],
        **options,
    )


@dataclass
class Failure:
    """A refused call, taken apart.

    Attributes:
        code: the gRPC code.
        message: what it says.
        reason: ``ErrorInfo.reason``.
        fields: the fields of ``BadRequest``.
        retry_after_s: ``RetryInfo``'s delay; None without one.
        trailers: the trailing metadata.
    """

    code: grpc.StatusCode
    message: str
    reason: str
    fields: list[str]
    retry_after_s: float | None
    trailers: dict[str, str | bytes]


def failure_of(error: grpc.RpcError) -> Failure:
    """Takes apart what a call raised; its details must be those of ``google.rpc``."""
    status = rpc_status.from_call(error)
    details = unpacked(status.details if status is not None else [])
    info, bad, retry = (details.get(kind.__name__) for kind in DETAILS)
    return Failure(
        code=error.code(),
        message=error.details(),
        reason=info.reason if info else "",
        fields=[violation.field for violation in bad.field_violations] if bad else [],
        retry_after_s=retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
        trailers=dict(error.trailing_metadata() or ()),
    )


def unpacked(details: Any) -> dict[str, Any]:
    """The ``google.rpc`` details of a status, by their type's name."""
    found = {}
    for packed in details:
        assert isinstance(packed, any_pb2.Any)
        for kind in DETAILS:
            if packed.Is(kind.DESCRIPTOR):
                found[kind.__name__] = kind.FromString(packed.value)
    return found
