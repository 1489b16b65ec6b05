"""No caller keeps others waiting: not by long documents, not by reading slowly, not by holding decoders."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from doctr_serve.catalog import ModelTask
from doctr_serve.v1 import ocr_pb2_grpc
from support.pages import png, short_pdf, two_columns
from support.painted_runtime import PaintedRuntime
from support.server import request
from support.waiting import eventually
from support.watched import Watched, watched_service

PAGE_S = 0.05
"""Seconds that each page takes at least."""


@contextmanager
def slow_pages(weights_dir: Path, **settings: object) -> Iterator[Watched]:
    """A server whose pages take a known time, one at a time."""
    with watched_service(
        weights_dir, runtime=PaintedRuntime(), **{"max_concurrent_requests": 1, **settings}
    ) as watched:
        watched.runtime.before = lambda task: time.sleep(PAGE_S) if task is ModelTask.RECOGNITION else None
        yield watched


@contextmanager
def small_window(watched: Watched) -> Iterator[ocr_pb2_grpc.OCRServiceStub]:
    """A caller whose connection takes two pages or so that nobody has read yet."""
    options = [("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0)]
    options += [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(watched.service.address, options=options) as channel:
        yield ocr_pb2_grpc.OCRServiceStub(channel)


def test_a_page_beside_long_documents_waits_for_some_pages_and_not_for_their_end(weights_dir: Path) -> None:
    with slow_pages(weights_dir) as watched, ThreadPoolExecutor(4) as callers:
        long = [callers.submit(watched.service.stream, short_pdf(15)) for _ in range(4)]
        eventually(lambda: len(watched.runtime.batch_sizes(ModelTask.RECOGNITION)) >= 8)
        before = len(watched.runtime.batch_sizes(ModelTask.RECOGNITION))
        assert len(watched.service.stream(png(two_columns()))) == 1
        pages_meanwhile = len(watched.runtime.batch_sizes(ModelTask.RECOGNITION)) - before
        assert not any(document.done() for document in long)
        assert all(len(document.result()) == 15 for document in long)
    # Its opening and its page are a turn each, behind a turn of each of the four; and some to spare.
    assert pages_meanwhile < 16


def test_short_documents_without_end_do_not_stop_a_long_one(weights_dir: Path) -> None:
    with slow_pages(weights_dir) as watched, ThreadPoolExecutor(9) as callers:
        stop = threading.Event()

        def send_pages() -> None:
            while not stop.is_set():
                watched.service.stream(png(two_columns()))

        senders = [callers.submit(send_pages) for _ in range(8)]
        try:
            assert len(watched.service.stream(short_pdf(10), timeout_s=60)) == 10
        finally:
            stop.set()
        for sender in senders:
            sender.result()


def test_documents_share_one_decoder_and_are_read_as_each_alone(weights_dir: Path) -> None:
    documents = [short_pdf(6), png(two_columns()), short_pdf(9)]
    with watched_service(
        weights_dir, runtime=PaintedRuntime(), max_concurrent_requests=1, max_decoder_processes=1
    ) as watched:
        alone = [watched.service.stream(document) for document in documents]
        with ThreadPoolExecutor(6) as callers:
            at_once = list(callers.map(watched.service.stream, documents * 2))
        eventually(watched.is_idle)
    assert at_once == alone * 2


def test_callers_who_do_not_read_stop_nobody_and_are_cut_off(weights_dir: Path) -> None:
    with (
        slow_pages(weights_dir, max_decoder_processes=1, send_timeout_s=3.0) as watched,
        small_window(watched) as stub,
    ):
        unread = [stub.StreamPages(request(short_pdf(60)), timeout=120) for _ in range(4)]
        for stream in unread:
            next(stream)
        eventually(lambda: is_still(watched), what="a standstill of those who are not read")
        started = time.monotonic()
        assert len(watched.service.stream(short_pdf(3))) == 3
        assert time.monotonic() - started < 2.5, "before the others were cut off"
        eventually(watched.is_idle, what="the end of those who do not read")
        for stream in unread:
            with pytest.raises(grpc.RpcError):
                list(stream)


def test_requests_that_wait_for_memory_hold_nothing_that_others_need(weights_dir: Path) -> None:
    """Two have pages in hand and wait for a turn while the others wait for memory: none may have the other's."""
    with (
        slow_pages(weights_dir, max_decoder_processes=1, request_memory_bytes=1) as watched,
        ThreadPoolExecutor(6) as callers,
    ):
        documents = [short_pdf(5), png(two_columns())] * 3
        readings = callers.map(
            lambda document: watched.service.stream(document, detection_batch_size=4, timeout_s=60), documents
        )
        assert [len(reading) for reading in readings] == [5, 1] * 3


def is_still(watched: Watched) -> bool:
    """Whether no page is read for a while."""
    before = len(watched.runtime.batch_sizes(ModelTask.RECOGNITION))
    time.sleep(10 * PAGE_S)
    return len(watched.runtime.batch_sizes(ModelTask.RECOGNITION)) == before


def test_an_answer_on_its_way_outlives_the_drain(weights_dir: Path) -> None:
    with (
        slow_pages(weights_dir, drain_timeout_s=30.0) as watched,
        small_window(watched) as stub,
    ):
        stream = stub.StreamPages(request(short_pdf(20)), timeout=60)
        pages = [next(stream)]
        eventually(lambda: is_still(watched))
        stopping = threading.Thread(target=watched.service.server.stop)
        stopping.start()
        time.sleep(1.5)
        assert stopping.is_alive(), "what is not read yet was not sent yet"
        pages += list(stream)
        stopping.join(30)
        assert [page.page_number for page in pages] == list(range(1, 21))


@pytest.mark.parametrize("memory_bytes", [1, 160 * 1024 * 1024], ids=["for the pages", "for work on them"])
def test_pages_beyond_the_memory_wait_for_it(weights_dir: Path, memory_bytes: int) -> None:
    page = png(two_columns())
    with watched_service(
        weights_dir, runtime=PaintedRuntime(), max_concurrent_requests=4, request_memory_bytes=memory_bytes
    ) as watched:
        at_work, most, lock = 0, 0, threading.Lock()

        def count(task: ModelTask) -> None:
            nonlocal at_work, most
            with lock:
                at_work += 1
                most = max(most, at_work)
            time.sleep(0.02)
            with lock:
                at_work -= 1

        watched.runtime.before = count
        with ThreadPoolExecutor(4) as callers:
            results = list(callers.map(lambda _: watched.service.stream(page), range(12)))
    assert all(len(result) == 1 for result in results)
    assert most == 1, "there is room for one page at a time"
