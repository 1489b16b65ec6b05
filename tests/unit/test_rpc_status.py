from __future__ import annotations

import inspect

import pytest
from doctr_serve import errors
from doctr_serve.errors import (
    DoctrServeError,
    DocumentError,
    InternalError,
    InvalidOptionError,
    QueueFullError,
    UnreadableDocumentError,
)
from doctr_serve.formats.status import ERROR_DOMAIN, to_status
from doctr_serve.rpc.trailers import error_trailers
from google.rpc import code_pb2
from support.server import unpacked

CLASSES = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DoctrServeError)
]


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind is not DoctrServeError])
def test_every_error_has_a_grpc_code_and_a_reason_of_its_own(kind: type[DoctrServeError]) -> None:
    made = kind("a.pdf", "is bad") if issubclass(kind, DocumentError) else kind("it is bad")
    status = to_status(made)
    assert status.code == code_pb2.Code.Value(kind.code) != code_pb2.UNKNOWN
    info = unpacked(status.details)["ErrorInfo"]
    assert (info.reason, info.domain) == (kind.reason, ERROR_DOMAIN)
    assert [other for other in CLASSES if other.reason == kind.reason] == [kind]


def test_a_field_at_fault_is_named() -> None:
    status = to_status(InvalidOptionError("box_threshold must be …", field="box_threshold"))
    (violation,) = unpacked(status.details)["BadRequest"].field_violations
    assert (violation.field, violation.description) == ("box_threshold", status.message)
    assert "RetryInfo" not in unpacked(status.details)


def test_a_document_error_names_file_and_page() -> None:
    status = to_status(UnreadableDocumentError("a.pdf", "is damaged", page_number=3))
    assert status.message == "'a.pdf', page 3: is damaged"
    assert unpacked(status.details)["BadRequest"].field_violations[0].field == "a.pdf"


@pytest.mark.parametrize(("delay_s", "header"), [(0.1, "1"), (1.0, "1"), (2.2, "3")])
def test_a_delay_is_told_in_the_details_and_in_whole_seconds_in_the_header(
    delay_s: float, header: str
) -> None:
    error = QueueFullError("full", retry_after_s=delay_s)
    retry = unpacked(to_status(error).details)["RetryInfo"]
    assert retry.retry_delay.ToTimedelta().total_seconds() == delay_s
    assert error_trailers(error) == (("x-error-reason", "QUEUE_FULL"), ("retry-after", header))


def test_an_error_without_a_field_or_a_delay_has_neither() -> None:
    assert set(unpacked(to_status(InternalError("…")).details)) == {"ErrorInfo"}
    assert error_trailers(InternalError("…")) == (("x-error-reason", "INTERNAL"),)


@pytest.mark.parametrize("letter", ["a", "é", "名", "🙂"])
def test_a_status_fits_into_headers_whatever_a_caller_sent(letter: str) -> None:
    status = to_status(UnreadableDocumentError(letter * 10_000, "is damaged"))
    assert len(status.message.encode()) <= 1024
    assert len(status.SerializeToString()) < 3000
    assert status.message.startswith(f"'{letter}")
    assert status.message.endswith("is damaged")
    assert "…" in status.message
