"""The core read in this very process, without a transport: the same pages as through the service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctr_serve import Reader
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import SourceDocument
from doctr_serve.errors import (
    InvalidOptionError,
    NoDocumentsError,
    NotReadyError,
    RequestCancelled,
    RequestTooLargeError,
    UnknownModelError,
    UnsupportedDocumentError,
)
from doctr_serve.formats.protobuf import page_result
from doctr_serve.reading import RequestContext
from support.pages import png, short_pdf, two_columns
from support.painted_runtime import WORDS, PaintedRuntime
from support.samples import letter_pdf
from support.server import settings_for
from support.small_engine import small_engine
from support.watched import Watched


@pytest.fixture(scope="module")
def reader(weights_dir: Path) -> Iterator[Reader]:
    """A reader whose pages cost nothing."""
    settings = settings_for(weights_dir, max_concurrent_requests=1, max_documents=3, max_queued_requests=0)
    with Reader(settings, engine=small_engine(settings, PaintedRuntime())[0]) as ready:
        yield ready


def test_the_same_pages_come_as_through_the_service(watched: Watched) -> None:
    options = watched.reader.options(detect_orientation=True, assume_straight_pages=False, group_blocks=True)
    prepared = watched.reader.prepare(options, RequestContext())
    with watched.reader.place():
        sources = [
            SourceDocument("document-1", short_pdf(2)),
            SourceDocument("document-2", png(two_columns())),
        ]
        ours = [page_result(reading, prepared.models) for reading in prepared.read(sources)]
    assert ours == watched.service.stream(
        short_pdf(2),
        png(two_columns()),
        detect_orientation=True,
        assume_straight_pages=False,
        group_blocks=True,
    )


def test_paths_contents_and_named_documents_are_read(reader: Reader, tmp_path: Path) -> None:
    file = tmp_path / "invoice.pdf"
    file.write_bytes(short_pdf(2))
    locked = SourceDocument("locked.pdf", letter_pdf("secret", password="open").content, "open")
    readings = list(reader.read([file, short_pdf(1), locked]))
    assert [(reading.reference.document_name, reading.reference.page_number) for reading in readings] == [
        ("invoice.pdf", 1),
        ("invoice.pdf", 2),
        ("document-2", 1),
        ("locked.pdf", 1),
    ]
    assert all(len(reading.page.render().split()) == WORDS for reading in readings)


def test_a_reader_takes_requests_one_after_the_other_and_gives_its_place_back(reader: Reader) -> None:
    for _ in range(3):
        assert list(reader.read([short_pdf(1)]))
    first = reader.read([short_pdf(3)])
    next(first)
    first.close()
    assert list(reader.read([short_pdf(1)]))


def test_what_is_wrong_is_told_by_the_errors_of_the_tree(reader: Reader) -> None:
    wrong = {
        InvalidOptionError: lambda: reader.read([short_pdf(1)], reader.options(box_threshold=2.0)),
        UnknownModelError: lambda: reader.read([short_pdf(1)], reader.options(detection_model="db_resnet5")),
        NoDocumentsError: lambda: reader.read([]),
        RequestTooLargeError: lambda: reader.read([short_pdf(1)] * 4),
        UnsupportedDocumentError: lambda: reader.read([b"plain text"]),
    }
    for kind, call in wrong.items():
        with pytest.raises(kind):
            list(call())


def test_a_deadline_is_a_timeout_and_a_cancel_stops_the_work(reader: Reader) -> None:
    with pytest.raises(TimeoutError, match="did not finish within"):
        list(reader.read([short_pdf(100)], interrupt=Interrupt(0.05)))
    interrupt = Interrupt()
    pages = reader.read([short_pdf(100)], interrupt=interrupt)
    next(pages)
    interrupt.cancel()
    with pytest.raises(RequestCancelled):
        list(pages)
    assert list(reader.read([short_pdf(1)]))


def test_nothing_is_read_before_the_models_are_loaded(weights_dir: Path) -> None:
    settings = settings_for(weights_dir, max_concurrent_requests=1)
    cold = Reader(settings, engine=small_engine(settings, PaintedRuntime())[0])
    with pytest.raises(NotReadyError):
        list(cold.read([short_pdf(1)]))
    cold.close()


def test_the_core_needs_no_grpc() -> None:
    code = "import sys; from doctr_serve import Reader; assert not {'grpc', 'grpc_status'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
