"""Requests at the same time do not disturb each other, and models are loaded once for all of them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import grpc
import psutil
import pytest
from doctr_serve.catalog import CatalogEntry
from doctr_serve.errors import WeightsUnavailableError
from doctr_serve.v1 import ocr_pb2
from support.pages import png, short_pdf, skewed
from support.server import DETECTION_MODEL, RECOGNITION_MODEL, failure_of, request
from support.waiting import eventually
from support.watched import Watched, watched_service

OPTIONS: list[dict[str, Any]] = [
    {},
    {"binary_threshold": 0.5},
    {"box_threshold": 0.6},
    {"binary_threshold": 0.3, "box_threshold": 0.0},
    {"assume_straight_pages": False},
    {"assume_straight_pages": False, "binary_threshold": 0.4, "disable_text_orientation": True},
    {"preserve_aspect_ratio": False, "symmetric_padding": False},
    {"detect_orientation": True, "straighten_pages": True},
    {"straighten_pages": True, "preserve_original_coords": True, "allowed_characters": "aeiou"},
    {"detect_language": True, "group_blocks": True, "paragraph_break": 0.05},
    {"detection_model": "fast_tiny"},
    {"recognition_model": "crnn_mobilenet_v3_large", "recognition_batch_size": 3},
    {"group_lines": False, "detection_batch_size": 4},
]


def test_requests_with_different_options_at_once_give_what_each_gives_alone(watched: Watched) -> None:
    pages = (png(skewed()), short_pdf(2))

    def read(options: dict[str, Any]) -> list[ocr_pb2.PageResult]:
        return watched.service.stream(*pages, **options)

    alone = [read(options) for options in OPTIONS]
    with ThreadPoolExecutor(len(OPTIONS)) as threads:
        at_once = list(threads.map(read, OPTIONS))

    assert at_once == alone
    assert len({results[0].pages[0].SerializeToString() for results in alone}) > len(OPTIONS) / 2, "no effect"


def test_a_model_is_loaded_once_however_many_ask_for_it_at_once(watched_dir_service: Watched) -> None:
    watched = watched_dir_service
    assert watched.runtime.loads == [DETECTION_MODEL, RECOGNITION_MODEL]
    asked = [{"detection_model": "fast_tiny"}, {"recognition_model": "crnn_mobilenet_v3_large"}, {}] * 4
    with ThreadPoolExecutor(len(asked)) as threads:
        list(threads.map(lambda options: watched.service.stream(short_pdf(1), **options), asked))
    assert sorted(watched.runtime.loads) == sorted(
        [DETECTION_MODEL, RECOGNITION_MODEL, "fast_tiny", "crnn_mobilenet_v3_large"]
    )


def test_options_cost_no_reload(watched: Watched) -> None:
    for options in OPTIONS:
        watched.service.stream(short_pdf(1), **options)
    loads = list(watched.runtime.loads)
    for options in OPTIONS:
        watched.service.stream(short_pdf(1), **options)
    assert watched.runtime.loads == loads


def test_a_load_that_failed_is_tried_again_by_the_next_request(watched_dir_service: Watched) -> None:
    watched, failures = watched_dir_service, iter([WeightsUnavailableError("a disk error")])

    def fail_once(entry: CatalogEntry) -> None:
        for failure in failures:
            raise failure

    watched.runtime.before_load = fail_once
    asked = request(short_pdf(1), detection_model="fast_tiny")
    with pytest.raises(grpc.RpcError) as caught:
        watched.service.stub.ReadDocuments(asked, timeout=60)
    assert failure_of(caught.value).code is grpc.StatusCode.FAILED_PRECONDITION
    assert (
        watched.service.stub.ReadDocuments(asked, timeout=60).results[0].models.detection_model == "fast_tiny"
    )


@pytest.fixture
def watched_dir_service(weights_dir: Any) -> Any:
    with watched_service(weights_dir, max_concurrent_requests=2, max_queued_requests=32) as watched:
        yield watched


def decoder_processes() -> set[int]:
    """Process ids of this process's decoders; one that has ended and is not waited for yet is none."""
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # which a zombie, or one that ends in this moment, is
            if "doctr_serve.decoder.worker" in child.cmdline():
                found.add(child.pid)
    return found


def test_a_server_gives_all_its_threads_and_processes_back(weights_dir: Any) -> None:
    before = {thread.ident for thread in threading.enumerate()}
    others = decoder_processes()
    with watched_service(weights_dir, max_concurrent_requests=2) as watched:
        watched.service.stream(short_pdf(2))
        stream = watched.service.stub.StreamPages(request(short_pdf(50)), timeout=60)
        next(stream)
        stream.cancel()
        assert decoder_processes() - others
    eventually(lambda: not decoder_processes() - others, what="the end of the decoder processes")
    left = [thread.name for thread in threading.enumerate() if thread.ident not in before]
    assert not [name for name in left if name.startswith(("forward", "rpc", "upload", "Thread", "warm"))], (
        left
    )
