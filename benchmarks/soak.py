"""Thousands of mixed requests: does memory stay flat, and does none fail?

The mix holds pages and PDFs with different options, uploads in pieces, model lists, requests that are refused as they
should be, and calls that are cancelled.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from doctr_serve.settings import Settings
from doctr_serve_client import InvalidRequestError, OCRClient

from benchmarks.harness import MIB, page_jpeg, running_server, scanned_pdf

MEMORY_BAR = 0.03
SETTLE_S = 2.0
LARGE_BYTES = 5 * MIB
"""More than the client sends in one message, so that the document goes in pieces."""


class Mix:
    """The requests, by kind and weight.

    Args:
        client: sends them.
    """

    def __init__(self, client: OCRClient) -> None:
        self._client = client
        self._pages = {"short.jpg": page_jpeg(1, lines=3), "long.jpg": page_jpeg(2, lines=10)}
        self._pdf = scanned_pdf(2)
        self._kinds: dict[Callable[[random.Random], None], int] = {
            self._page: 30,
            self._polygons: 8,
            self._pdf_stream: 5,
            self._upload: 4,
            self._models: 15,
            self._refused: 30,
            self._cancelled: 8,
        }

    def request(self, seed: int) -> str | None:
        """Makes one request of the mix; returns what went wrong, or None."""
        rng = random.Random(seed)
        kind = rng.choices(list(self._kinds), list(self._kinds.values()))[0]
        try:
            kind(rng)
        except Exception as error:
            return f"{kind.__name__}: {error!r}"
        return None

    def _page(self, rng: random.Random) -> None:
        name = rng.choice(list(self._pages))
        self._client.read([(name, self._pages[name])], box_threshold=rng.choice((0.1, 0.3)))

    def _polygons(self, rng: random.Random) -> None:
        self._client.read(
            [("short.jpg", self._pages["short.jpg"])],
            assume_straight_pages=False,
            disable_text_orientation=True,
            detect_language=True,
        )

    def _pdf_stream(self, rng: random.Random) -> None:
        pages = list(self._client.stream_pages([("two.pdf", self._pdf)], group_blocks=True))
        if len(pages) != 2:
            raise ValueError(f"{len(pages)} pages of 2")

    def _upload(self, rng: random.Random) -> None:
        padded = self._pages["short.jpg"] + bytes(LARGE_BYTES)  # a JPEG ends at its end marker
        self._client.read([("padded.jpg", padded)])

    def _models(self, rng: random.Random) -> None:
        if not self._client.list_models().models:
            raise ValueError("no models")

    def _refused(self, rng: random.Random) -> None:
        try:
            if rng.random() < 0.5:
                self._client.read([("note.txt", b"no document")])
            else:
                self._client.read([("page.jpg", self._pages["short.jpg"])], detection_model="no_such_model")
        except InvalidRequestError:
            return
        raise ValueError("a wrong request was accepted")

    def _cancelled(self, rng: random.Random) -> None:
        pages = self._client.stream_pages([("two.pdf", self._pdf)])
        time.sleep(rng.random() * 0.2)
        pages.close()


def main() -> int:
    """Prints memory after each quarter; status 1 when it grew past the bar or a request failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--threads", type=int, default=Settings().intra_op_threads)
    arguments = parser.parse_args()
    memory_mib, failures = [], []
    started = time.perf_counter()
    with running_server(arguments.threads) as server, OCRClient(server.address) as client:
        mix = Mix(client)
        quarter = arguments.requests // 4
        for number in range(4):
            seeds = range(number * quarter, (number + 1) * quarter)
            with ThreadPoolExecutor(arguments.clients) as pool:
                answers = pool.map(mix.request, seeds)
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
