"""Thousands of mixed requests: does memory stay flat, and does none fail?

The mix: one-page JPEGs of several sizes, PDFs of two pages, polygons, orientation, language, streams, uploads in
pieces, requests that are refused as they should be, and calls that are cancelled.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

from doctr_serve.settings import Settings
from doctr_serve_client import InvalidRequestError, OCRClient

from benchmarks.harness import MIB, page_jpeg, running_server, scanned_pdf

MEMORY_BAR = 0.03
SETTLE_S = 2.0


def one_request(client: OCRClient, documents: dict[str, bytes], seed: int) -> str | None:
    """Makes one request of the mix; returns what went wrong, or None."""
    rng = random.Random(seed)
    kind = rng.choices(("page", "options", "pdf", "refused", "cancelled"), (60, 15, 10, 10, 5))[0]
    page = [("page.jpg", documents[rng.choice(("short", "long"))])]
    try:
        if kind == "page":
            client.read(page)
        elif kind == "options":
            client.read(
                page, assume_straight_pages=False, disable_text_orientation=True, detect_language=True
            )
        elif kind == "pdf":
            client.read([("two.pdf", documents["pdf"])])
        elif kind == "refused":
            return refused(client)
        else:
            client.stream_pages([("two.pdf", documents["pdf"])]).close()
    except Exception as error:
        return f"{kind}: {error!r}"
    return None


def refused(client: OCRClient) -> str | None:
    """Sends what must be refused; returns a complaint if it is not."""
    try:
        client.read([("note.txt", b"no document")])
    except InvalidRequestError:
        return None
    return "a text file was accepted"


def main() -> int:
    """Prints memory after each quarter; status 1 when it grew past the bar or a request failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--threads", type=int, default=Settings().intra_op_threads)
    arguments = parser.parse_args()
    documents = {"short": page_jpeg(1, lines=3), "long": page_jpeg(2, lines=10), "pdf": scanned_pdf(2)}
    memory_mib, failures = [], []
    started = time.perf_counter()
    with running_server(arguments.threads) as server, OCRClient(server.address) as client:
        quarter = arguments.requests // 4
        for number in range(4):
            seeds = range(number * quarter, (number + 1) * quarter)
            with ThreadPoolExecutor(arguments.clients) as pool:
                answers = pool.map(lambda seed: one_request(client, documents, seed), seeds)
                failures += [problem for problem in answers if problem]
            time.sleep(SETTLE_S)  # cancelled calls end, decoders close their documents
            memory_mib.append(round(server.memory_bytes() / MIB, 1))
            print(
                f"{(number + 1) * quarter} requests: {memory_mib[-1]} MiB, {len(failures)} failed", flush=True
            )
    growth = memory_mib[3] / memory_mib[1] - 1
    elapsed = time.perf_counter() - started
    print(
        json.dumps(
            {
                "benchmark": "soak",
                **vars(arguments),
                "memory_mib": memory_mib,
                "growth": round(growth, 4),
                "failures": failures[:10],
                "failed": len(failures),
                "requests_per_s": round(arguments.requests / elapsed, 2),
            }
        )
    )
    print(f"memory after the second half against after the first: {growth:+.1%}; failed: {len(failures)}")
    return int(abs(growth) > MEMORY_BAR or bool(failures))


if __name__ == "__main__":
    raise SystemExit(main())
