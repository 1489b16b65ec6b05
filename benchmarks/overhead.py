"""The service against docTR in-process: same weights, threads and pages, in the same run.

Rounds alternate between the ways, so that a machine that slows down slows all of them; the ratio of each round is
taken against the in-process time of that round, and the median is printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import httpx
import numpy as np
import torch
from doctr.io import DocumentFile
from doctr.models import ocr_predictor
from doctr_serve.catalog import Catalog, ModelTask
from doctr_serve.inference.loading import load_model
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from doctr_serve_client import OCRClient, to_dict

from benchmarks.harness import DETECTION_MODEL, RECOGNITION_MODEL, page_jpeg, running_envoy, running_server
from benchmarks.results import add_json_option, hand_over

BARS = {"grpc": 0.97, "envoy": 0.95}
CLIENTS = (1, 8)

Read = Callable[[bytes], list[dict]]


def doctr_in_process(threads: int) -> Read:
    """DocTR's own predictor, its defaults but for the contract's options, as one would call it in a program."""
    torch.set_num_threads(threads)
    catalog = Catalog(Settings())
    options = ReadingOptions()
    predictor = ocr_predictor(
        load_model(catalog.find(DETECTION_MODEL, ModelTask.DETECTION, option="detection_model"), catalog),
        load_model(
            catalog.find(RECOGNITION_MODEL, ModelTask.RECOGNITION, option="recognition_model"), catalog
        ),
        det_bs=options.detection_batch_size,
        reco_bs=options.recognition_batch_size,
        paragraph_break=options.paragraph_break,
    )
    predictor.det_predictor.model.postprocessor.bin_thresh = options.binary_threshold
    predictor.det_predictor.model.postprocessor.box_thresh = options.box_threshold

    def read(content: bytes) -> list[dict]:
        document = predictor(DocumentFile.from_images([content])).export()
        return [word for page in document["pages"] for word in words_of(page)]

    return read


def words_of(page: dict) -> list[dict]:
    """The words of a page, docTR's or ours, as text, flat geometry and confidence."""
    words = [word for block in page["blocks"] for line in block["lines"] for word in line["words"]]
    return [
        {
            "value": word["value"],
            "geometry": list(np.ravel(word["geometry"])),
            "confidence": word["confidence"],
        }
        for word in words
    ]


def same(ours: list[dict], theirs: list[dict]) -> bool:
    """Whether two readings agree: text exactly, numbers but for float noise (boxes are multiples of 1/1024)."""
    return len(ours) == len(theirs) and all(
        a["value"] == b["value"]
        and np.allclose(a["geometry"], b["geometry"], atol=1e-5)
        and abs(a["confidence"] - b["confidence"]) < 1e-3
        for a, b in zip(ours, theirs, strict=True)
    )


def seconds(read: Read, pages: list[bytes], clients: int) -> tuple[float, list[list[dict]]]:
    """Time to read all pages with so many clients at once, and what they read."""
    with ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        readings = list(pool.map(read, pages))
        return time.perf_counter() - started, readings


def main() -> int:
    """Prints the ratios; status 1 when a bar is missed or a result differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=16, help="pages per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--threads", type=int, default=Settings().intra_op_threads, help="of docTR and of the server"
    )
    add_json_option(parser)
    arguments = parser.parse_args()
    pages = [page_jpeg(seed) for seed in range(arguments.pages)]
    in_process = doctr_in_process(arguments.threads)
    with (
        # docTR's own arithmetic, so that results are the same and what is measured is the service around it.
        running_server(arguments.threads, runtime="torch") as server,
        running_envoy(server) as url,
        OCRClient(server.address) as client,
        httpx.Client(timeout=600, limits=httpx.Limits(max_connections=max(CLIENTS))) as http,
    ):
        ways: dict[str, Read] = {
            "grpc": lambda content: list(
                chain.from_iterable(
                    words_of(page)
                    for result in client.read([("page.jpg", content)])
                    for page in to_dict(result)["pages"]
                )
            ),
            "envoy": lambda content: [
                word
                for entry in http.post(f"{url}/ocr", files={"files": ("page.jpg", content)})
                .raise_for_status()
                .json()
                for page in entry["pages"]
                for word in words_of(page)
            ],
        }
        return report(measure(in_process, ways, pages, arguments.rounds), arguments)


def measure(in_process: Read, ways: dict[str, Read], pages: list[bytes], rounds: int) -> dict:
    """Ratios of each way and number of clients, round by round; and whether all readings agree."""
    for read in (in_process, *ways.values()):
        read(pages[0])
    result: dict = {"in_process_pages_per_s": [], "ratios": {}, "identical": True}
    for _ in range(rounds):
        base_s, expected = seconds(in_process, pages, 1)
        result["in_process_pages_per_s"].append(round(len(pages) / base_s, 3))
        for clients in CLIENTS:
            for way, read in ways.items():
                way_s, readings = seconds(read, pages, clients)
                result["ratios"].setdefault(f"{way}, {clients} client(s)", []).append(
                    round(base_s / way_s, 3)
                )
                result["identical"] &= all(map(same, readings, expected))
    return result


def report(result: dict, arguments: argparse.Namespace) -> int:
    """Prints the result; returns the exit status."""
    medians = {name: statistics.median(ratios) for name, ratios in result["ratios"].items()}
    missed = [name for name, ratio in medians.items() if ratio < BARS[name.partition(",")[0]]]
    hand_over("overhead", arguments, {**result, "median_ratios": medians})
    for name, ratio in medians.items():
        print(f"{name}: {ratio:.2f} times the throughput of docTR in-process")
    print(f"identical results: {result['identical']}; bars missed: {missed or 'none'}")
    return int(bool(missed) or not result["identical"])


if __name__ == "__main__":
    raise SystemExit(main())
