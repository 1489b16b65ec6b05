"""Short requests beside long ones: neither waits for the other's end.

First one page, read again and again beside four documents of 40 pages: how many times its time alone does it take, and
does every document go on meanwhile? Then a steady stream of one-page calls beside one long document: what share of the
pages is the document's?
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np
from doctr_serve.settings import Settings
from doctr_serve_client import OCRClient

from benchmarks.harness import RunningServer, page_jpeg, running_server, scanned_pdf
from benchmarks.results import add_json_option, hand_over

P95_BAR = 6.0
"""Times its time alone that one page may take beside the documents, at the 95th percentile."""
TIMEOUT_S = 3600.0


class LongDocument:
    """A document that one caller reads, from the start again once it is done.

    Attributes:
        pages: that have come so far.
    """

    def __init__(self, address: str, pdf: bytes) -> None:
        self._address = address
        self._pdf = pdf
        self._stop = threading.Event()
        self._first_page = threading.Event()
        self.pages = 0

    @contextmanager
    def reading(self) -> Iterator[LongDocument]:
        """Reads until the block ends, which begins with the first page's arrival.

        Raises:
            OCRError: a call failed.
        """
        with ThreadPoolExecutor(1) as thread:
            call = thread.submit(self._read)
            try:
                while not self._first_page.wait(0.1):
                    if call.done():
                        break
                yield self
            finally:
                self._stop.set()
            call.result()

    def _read(self) -> None:
        with OCRClient(self._address) as client:
            while not self._stop.is_set():
                pages = client.stream_pages([("long.pdf", self._pdf)], timeout_s=TIMEOUT_S)
                for _ in pages:
                    self.pages += 1
                    self._first_page.set()
                    if self._stop.is_set():
                        break
                pages.close()


def call_s(client: OCRClient, page: bytes) -> float:
    """Seconds of a call with one page."""
    started = time.perf_counter()
    client.read([("page.jpg", page)], timeout_s=TIMEOUT_S)
    return time.perf_counter() - started


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Returns the 50th and the 95th percentile."""
    return {f"p{percent}": float(np.percentile(seconds, percent)) for percent in (50, 95)}


def beside_documents(server: RunningServer, args: argparse.Namespace) -> dict:
    """One page beside long documents: its times, and the pages that each document got meanwhile."""
    page, pdf = page_jpeg(1), scanned_pdf(args.document_pages)
    with OCRClient(server.address) as client, ExitStack() as stack:
        call_s(client, page)
        alone = [call_s(client, page) for _ in range(args.calls)]
        readings = (LongDocument(server.address, pdf).reading() for _ in range(args.documents))
        documents = [stack.enter_context(reading) for reading in readings]
        before = [document.pages for document in documents]
        started = time.perf_counter()
        beside = [call_s(client, page) for _ in range(args.calls)]
        elapsed_s = time.perf_counter() - started
        progress = [document.pages - pages for document, pages in zip(documents, before, strict=True)]
    alone_s = float(np.median(alone))
    return {
        "alone_s": percentiles(alone),
        "beside_s": percentiles(beside),
        "ratios": {name: seconds / alone_s for name, seconds in percentiles(beside).items()},
        "document_pages": progress,
        "document_pages_per_s": sum(progress) / elapsed_s,
    }


def beside_calls(server: RunningServer, args: argparse.Namespace) -> dict:
    """A long document beside one-page calls: pages a second of both."""
    page, pdf = page_jpeg(1), scanned_pdf(args.document_pages)
    stop, calls = threading.Event(), [0] * args.callers

    def keep_calling(number: int) -> None:
        with OCRClient(server.address) as client:
            while not stop.is_set():
                call_s(client, page)
                calls[number] += 1

    with ThreadPoolExecutor(args.callers) as pool:
        with LongDocument(server.address, pdf).reading() as document:
            callers = [pool.submit(keep_calling, number) for number in range(args.callers)]
            before, calls_before = document.pages, sum(calls)
            time.sleep(args.seconds)
            pages, answered = document.pages - before, sum(calls) - calls_before
            stop.set()
        for caller in callers:
            caller.result()
    return {
        "document_pages_per_s": pages / args.seconds,
        "calls_per_s": answered / args.seconds,
        "document_share": pages / max(1, pages + answered),
    }


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=4)
    parser.add_argument("--document-pages", type=int, default=40)
    parser.add_argument("--calls", type=int, default=40, help="one-page calls, alone and beside documents")
    parser.add_argument("--callers", type=int, default=4, help="of one-page calls beside one document")
    parser.add_argument("--seconds", type=float, default=60.0, help="of one-page calls beside one document")
    parser.add_argument("--runtime", default=Settings().runtime)
    parser.add_argument("--threads", type=int, default=Settings().intra_op_threads)
    add_json_option(parser)
    return parser.parse_args()


def main() -> int:
    """Prints the figures; status 1 when a call took too long or a document stood still."""
    args = arguments()
    with running_server(args.threads, runtime=args.runtime) as server:
        one_page = beside_documents(server, args)
        document = beside_calls(server, args)
    hand_over("fairness", args, {"one_page": one_page, "one_document": document})
    print(
        f"one page beside {args.documents} documents: {one_page['ratios']['p50']:.2f} times its time alone, "
        f"{one_page['ratios']['p95']:.2f} at p95; pages of the documents meanwhile: {one_page['document_pages']}"
    )
    print(
        f"one document beside {args.callers} callers of one page: {document['document_pages_per_s']:.2f} "
        f"pages/s, {document['document_share']:.0%} of all pages"
    )
    is_starved = min(one_page["document_pages"]) == 0 or document["document_pages_per_s"] == 0
    return int(one_page["ratios"]["p95"] > P95_BAR or is_starved)


if __name__ == "__main__":
    raise SystemExit(main())
