"""Every method of the server, and how its calls are taken: the one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from doctr_serve.v1 import ocr_pb2

__all__ = ["METHODS", "SERVICE_NAME", "Method", "ThreadGroup", "method_of"]

SERVICE_NAME = ocr_pb2.DESCRIPTOR.services_by_name["OCRService"].full_name


class ThreadGroup(StrEnum):
    """Whose threads a call runs on: what one group waits for holds up no other."""

    DOCUMENTS = "documents"
    """Calls that read documents: a thread for every upload and every place in the queue."""
    QUERIES = "queries"
    """Small calls, answered at once."""
    HEALTH = "health"
    """Health checks alone, so that nothing makes a working server look dead."""
    STREAMS = "streams"
    """Calls of other services that stream requests, such as reflection: they may stay open without a word."""


@dataclass(frozen=True)
class Method:
    """How the calls of one method are taken.

    Attributes:
        path: ``/<service>/<method>``.
        threads: where they run.
        is_logged: whether each has its line in the log.
        message_timeout_s: longest silence before a message that is due; None for ``upload_idle_timeout_s``.
    """

    path: str
    threads: ThreadGroup
    is_logged: bool = False
    message_timeout_s: float | None = 2.0

    @property
    def reads_documents(self) -> bool:
        """Whether each holds one of the bounded places once it has arrived, and a server that stops waits for it."""
        return self.threads is ThreadGroup.DOCUMENTS

    @property
    def name(self) -> str:
        """The method's own name, as logs have it."""
        return self.path.rpartition("/")[2]


def _documents(name: str) -> Method:
    return Method(f"/{SERVICE_NAME}/{name}", ThreadGroup.DOCUMENTS, is_logged=True, message_timeout_s=None)


METHODS: Mapping[str, Method] = {
    method.path: method
    for method in (
        _documents("StreamPages"),
        _documents("ReadDocuments"),
        _documents("UploadDocuments"),
        _documents("DetectText"),
        _documents("RecognizeText"),
        _documents("ExtractFields"),
        _documents("DetectLayout"),
        _documents("ExtractTables"),
        Method(f"/{SERVICE_NAME}/ListModels", ThreadGroup.QUERIES, is_logged=True),
        Method(f"/{SERVICE_NAME}/GetLimits", ThreadGroup.QUERIES, is_logged=True),
        Method("/grpc.health.v1.Health/Check", ThreadGroup.HEALTH, message_timeout_s=1.0),
        Method("/grpc.health.v1.Health/Watch", ThreadGroup.HEALTH, message_timeout_s=1.0),
    )
}
"""The table, by path."""


def method_of(path: str, *, streams_requests: bool) -> Method:
    """Returns a method's row; for one that the table does not know, a row that keeps its calls to themselves."""
    if path in METHODS:
        return METHODS[path]
    if streams_requests:  # tools keep a stream of reflection open while a person types
        return Method(path, ThreadGroup.STREAMS, message_timeout_s=10.0)
    return Method(path, ThreadGroup.QUERIES)
