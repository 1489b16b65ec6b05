"""How many threads the server has when many requests have come at once."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doctr_serve.reading import Reader
from support.pages import png, two_columns
from support.server import running, settings_for
from support.small_engine import small_engine

REQUESTS = 36
INTRA_OP_THREADS = 8


def native_threads() -> int:
    """Threads of this process that Python did not start: OpenMP's, OpenCV's, gRPC's own."""
    return len(os.listdir("/proc/self/task")) - threading.active_count()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_requests_bring_no_threads_but_their_own(weights_dir: Path) -> None:
    """With a team for each thread that resizes a page there were 316."""
    settings = settings_for(
        weights_dir,
        intra_op_threads=INTRA_OP_THREADS,
        max_concurrent_requests=REQUESTS,
        max_queued_requests=0,
    )
    page = png(two_columns())
    at_work = threading.Barrier(REQUESTS)
    reader = Reader(settings, engine=small_engine(settings)[0])
    with running(settings, reader=reader) as service:
        before = native_threads()

        def send(_: int) -> int:
            at_work.wait(60)
            return len(service.stream(page))

        with ThreadPoolExecutor(REQUESTS) as callers:
            assert list(callers.map(send, range(REQUESTS))) == [1] * REQUESTS
        assert native_threads() - before < 2 * INTRA_OP_THREADS
