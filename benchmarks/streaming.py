"""A long PDF: when its first page comes, and what the server's memory does meanwhile."""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from doctr_serve.settings import Settings
from doctr_serve_client import OCRClient

from benchmarks.harness import MIB, RunningServer, running_server, scanned_pdf

FIRST_PAGE_BAR = 1.5
MEMORY_BAR_MIB = 200
SAMPLE_INTERVAL_S = 0.05


class PeakMemory:
    """Samples the server's memory in the background.

    Attributes:
        peak_bytes: the largest sample so far.
    """

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self.peak_bytes = 0

    @contextmanager
    def sampling(self) -> Iterator[PeakMemory]:
        """Samples until the block ends."""
        thread = threading.Thread(target=self._sample, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(SAMPLE_INTERVAL_S):
            self.peak_bytes = max(self.peak_bytes, self._server.memory_bytes())


def first_page_s(client: OCRClient, pdf: bytes) -> float:
    """Time until the first page of a document is there; the rest of the call is cancelled."""
    started = time.perf_counter()
    pages = client.stream_pages([("long.pdf", pdf)], timeout_s=3600)
    next(pages)
    elapsed = time.perf_counter() - started
    pages.close()
    return elapsed


def peak_bytes(client: OCRClient, server: RunningServer, pdf: bytes) -> int:
    """Peak memory while a whole document is read."""
    with PeakMemory(server).sampling() as memory:
        for _ in client.stream_pages([("long.pdf", pdf)], timeout_s=3600):
            pass
    return memory.peak_bytes


def main() -> int:
    """Prints the figures; status 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5, help="of the time to the first page")
    parser.add_argument("--threads", type=int, default=Settings().intra_op_threads)
    arguments = parser.parse_args()
    documents = {pages: scanned_pdf(pages) for pages in (1, 10, arguments.pages)}
    with running_server(arguments.threads) as server, OCRClient(server.address) as client:
        first_page_s(client, documents[1])
        times: dict[int, list[float]] = {1: [], arguments.pages: []}
        for _ in range(arguments.repeats):
            for pages, samples in times.items():
                samples.append(first_page_s(client, documents[pages]))
        peaks = {pages: peak_bytes(client, server, pdf) / MIB for pages, pdf in documents.items()}
    first = {pages: statistics.median(samples) for pages, samples in times.items()}
    ratio = first[arguments.pages] / first[1]
    growth = {pages: peak - peaks[1] for pages, peak in peaks.items() if pages > 1}
    print(json.dumps({"benchmark": "streaming", "first_page_s": first, "ratio": ratio, "peak_mib": peaks}))
    print(f"first page of {arguments.pages}: {ratio:.2f} times the time of a one-page document")
    print(
        "peak memory over that of one page: "
        + ", ".join(f"{n} pages {m:+.0f} MiB" for n, m in growth.items())
    )
    return int(ratio > FIRST_PAGE_BAR or any(mib > MEMORY_BAR_MIB for mib in growth.values()))


if __name__ == "__main__":
    raise SystemExit(main())
