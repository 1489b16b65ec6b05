"""Pages leave one by one, in order, in bounded memory; what runs beside what."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from doctr_serve.catalog import ModelTask
from doctr_serve.common.native_memory import trim_native_memory
from support.faulty_decoder import faulty
from support.pages import png, short_pdf, two_columns
from support.painted_runtime import PaintedRuntime
from support.samples import letter_pdf
from support.server import request
from support.waiting import eventually
from support.watched import Watched, watched_service

GATE_TIMEOUT_S = 60


@pytest.fixture(scope="module", params=["torch", "a runtime of a few lines"])
def _either_runtime(request: pytest.FixtureRequest, weights_dir: Path) -> Iterator[Watched]:
    runtime = None if request.param == "torch" else PaintedRuntime()
    with watched_service(weights_dir, runtime=runtime, max_concurrent_requests=2) as watched:
        yield watched


@pytest.fixture
def watched(_either_runtime: Watched) -> Iterator[Watched]:
    """A cheap server over either runtime, idle at the start of the test and at its end."""
    with _either_runtime.lent() as lent:
        yield lent


class Gate:
    """Lets forwards of one task through one at a time."""

    def __init__(self, task: ModelTask, permits: int = 0) -> None:
        self._task = task
        self._permits = threading.Semaphore(permits)

    def __call__(self, task: ModelTask) -> None:
        if task is self._task:
            assert self._permits.acquire(timeout=GATE_TIMEOUT_S), "the test never opened the gate"

    def let_through(self, forwards: int = 1) -> None:
        self._permits.release(forwards)


def test_a_page_arrives_before_the_next_one_is_recognised(watched: Watched) -> None:
    gate = watched.runtime.before = Gate(ModelTask.RECOGNITION, permits=1)
    stream = watched.service.stub.StreamPages(request(short_pdf(6), detection_batch_size=3), timeout=60)
    for page_number, result in enumerate(stream, start=1):
        assert result.page_number == page_number
        # The next page cannot be recognised yet: this test has not let it through.
        gate.let_through()
    assert page_number == 6
    assert len(watched.runtime.batch_sizes(ModelTask.RECOGNITION)) == 6


def test_the_next_page_is_decoded_while_one_is_recognised(weights_dir: Path, tmp_path: Path) -> None:
    events = tmp_path / "events"
    os.mkfifo(events)
    reader = os.open(events, os.O_RDWR)
    command = faulty(f"events:0:{events}")
    with watched_service(weights_dir, worker_command=command, max_concurrent_requests=1) as watched:
        watched.runtime.forwards.clear()
        gate = watched.runtime.before = Gate(ModelTask.RECOGNITION)
        stream = watched.service.stub.StreamPages(request(short_pdf(3)), timeout=60)
        # Page 1 stands at the gate, so that only a decoder that works ahead can begin page 2.
        assert os.read(reader, 2) == b"1\n"
        assert os.read(reader, 2) == b"2\n"
        assert len(watched.runtime.batch_sizes(ModelTask.RECOGNITION)) <= 1
        gate.let_through(3)
        assert [result.page_number for result in stream] == [1, 2, 3]
    os.close(reader)


def test_the_first_page_is_detected_alone_and_the_others_in_batches(watched: Watched) -> None:
    watched.service.stream(short_pdf(8), detection_batch_size=3)
    assert watched.runtime.batch_sizes(ModelTask.DETECTION) == [1, 3, 3, 1]


def test_words_are_recognised_in_batches_of_the_size_asked_for(watched: Watched) -> None:
    lines = "garden chairs\nin dark green\nfor a terrace\nof grey stone"
    page = letter_pdf(lines, pages=1, size_points=(260, 260), font_points=20).content
    watched.service.stream(page)
    (crops,) = watched.runtime.batch_sizes(ModelTask.RECOGNITION)
    watched.runtime.forwards.clear()
    watched.service.stream(page, recognition_batch_size=4)
    batches = watched.runtime.batch_sizes(ModelTask.RECOGNITION)
    assert crops > 4
    assert batches == [4] * (crops // 4) + [crops % 4] * (crops % 4 > 0)


def test_pages_come_in_the_order_of_the_documents_and_their_pages(watched: Watched) -> None:
    results = watched.service.stream(short_pdf(2), png(two_columns()), short_pdf(3), detection_batch_size=2)
    assert [(result.name, result.page_number, result.page_count) for result in results] == [
        ("document-1", 1, 2),
        ("document-1", 2, 2),
        ("document-2", 1, 1),
        ("document-3", 1, 3),
        ("document-3", 2, 3),
        ("document-3", 3, 3),
    ]


def test_every_result_names_the_weights_that_answered(watched: Watched) -> None:
    (plain,) = watched.service.stream(short_pdf(1))
    (full,) = watched.service.stream(short_pdf(1), detect_orientation=True, assume_straight_pages=False)
    assert (plain.models.page_orientation_model, plain.models.text_orientation_model) == ("", "")
    assert full.models.detection_model == "db_mobilenet_v3_large"
    assert full.models.recognition_model == "crnn_mobilenet_v3_small"
    assert full.models.page_orientation_model == "mobilenet_v3_small_page_orientation"
    assert full.models.text_orientation_model == "mobilenet_v3_small_crop_orientation"


def test_collected_and_streamed_pages_are_the_same(watched: Watched) -> None:
    asked = request(short_pdf(3), group_blocks=True)
    response = watched.service.stub.ReadDocuments(asked, timeout=60)
    assert list(response.results) == list(watched.service.stub.StreamPages(asked, timeout=60))


def test_memory_does_not_grow_with_the_pages(watched: Watched) -> None:
    def resident_bytes(key: str) -> int:
        return int(Path("/proc/self/status").read_text().split(f"{key}:")[1].split()[0]) * 1024

    def growth_bytes(pages: int) -> int:
        document = letter_pdf(pages=pages).content
        # What earlier tests left, freed amid the measurement or taken up by it, is no part of it.
        gc.collect()
        trim_native_memory()
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): sets VmHWM to what is resident now
        before = resident_bytes("VmRSS")
        assert len(watched.service.stream(document)) == pages
        return resident_bytes("VmHWM") - before

    growth_bytes(6)
    # A page is 6 MB of pixels, so that 30 held pages would be 180 MB.
    assert growth_bytes(30) - growth_bytes(6) < 60 * 2**20


def test_a_cancelled_call_stops_within_a_page_and_frees_its_decoder(watched: Watched) -> None:
    gate = watched.runtime.before = Gate(ModelTask.RECOGNITION, permits=3)
    stream = watched.service.stub.StreamPages(request(short_pdf(100)), timeout=60)
    for _ in range(3):
        next(stream)
    assert stream.cancel()
    gate.let_through(97)
    eventually(watched.is_idle, what="the end of the cancelled call's work")
    assert len(watched.runtime.batch_sizes(ModelTask.RECOGNITION)) <= 4


def test_a_call_cancelled_during_a_forward_waits_for_no_other_page(watched: Watched) -> None:
    gate = watched.runtime.before = Gate(ModelTask.RECOGNITION)
    stream = watched.service.stub.StreamPages(request(short_pdf(100)), timeout=60)
    eventually(
        lambda: watched.runtime.batch_sizes(ModelTask.RECOGNITION), what="the first page's recognition"
    )
    stream.cancel()
    # Even while the forward still runs: the request leaves, and the forward's answer goes nowhere.
    eventually(watched.is_idle, what="an idle server")
    gate.let_through(100)
    assert watched.service.stream(short_pdf(1))


@pytest.mark.parametrize("method", ["StreamPages", "ReadDocuments"])
def test_the_callers_deadline_stops_the_work(watched: Watched, method: str) -> None:
    gate = watched.runtime.before = Gate(ModelTask.RECOGNITION, permits=1)
    with pytest.raises(grpc.RpcError) as caught:
        list(getattr(watched.service.stub, method)(request(short_pdf(100)), timeout=1.0))
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    eventually(watched.is_idle, what="the end of the work")
    assert len(watched.runtime.batch_sizes(ModelTask.RECOGNITION)) <= 2
    gate.let_through(100)
