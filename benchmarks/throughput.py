"""Pages a second, and CPU seconds a page: the service beside docTR, OnnxTR, RapidOCR and Tesseract.

All read the same pages on the same cores in one run; rounds alternate between the ways, so that a machine that slows
down slows all of them. Ratios are taken within a round, and the median is printed. Each way is measured with one
caller, which may use all cores for its page, and with several: clients of the service, processes of the others with
one thread each. A peer that is not installed (`make bench-peers`) is left out, and said to be.

``--pair full`` times instead the forwards of docTR's default pair, db_resnet50 and crnn_vgg16_bn, through the service's
runtimes and eagerly: with random weights, which the time does not depend on, and fixed pages and crops.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from doctr_serve.settings import available_cores
from doctr_serve_client import OCRClient

from benchmarks import full_pair
from benchmarks.evaluation.pages import SETS, page_paths
from benchmarks.harness import page_jpeg, running_server
from benchmarks.peers.processes import Peer, PeerUnavailable
from benchmarks.peers.readers import PEERS
from benchmarks.results import add_json_option, hand_over

REFERENCE = "docTR, 1 caller"
"""What ratios are taken against."""


@dataclass
class Way:
    """A way to read pages, and what was measured of it.

    Attributes:
        name: of the reader.
        callers: pages that are read at the same time.
        read: reads a page, returns the number of its words.
        cpu_s: CPU seconds used so far.
        pages_per_s: of each round, by set of pages.
        cpu_s_per_page: likewise.
        words: by set of pages.
    """

    name: str
    callers: int
    read: Callable[[Path], int]
    cpu_s: Callable[[], float]
    pages_per_s: dict[str, list[float]] = field(default_factory=dict)
    cpu_s_per_page: dict[str, list[float]] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name and number of callers."""
        return f"{self.name}, {self.callers} caller{'s' * (self.callers > 1)}"

    def measure(self, name: str, pages: list[Path]) -> None:
        """Reads a set of pages once."""
        cpu_before_s = self.cpu_s()
        with ThreadPoolExecutor(self.callers) as pool:
            started = time.perf_counter()
            words = sum(pool.map(self.read, pages))
            seconds = time.perf_counter() - started
        self.words[name] = words
        self.pages_per_s.setdefault(name, []).append(len(pages) / seconds)
        self.cpu_s_per_page.setdefault(name, []).append((self.cpu_s() - cpu_before_s) / len(pages))


def page_sets(folder: Path, count: int, real_dir: Path | None) -> dict[str, list[Path]]:
    """Returns files by set: rendered pages, written to the folder, and real ones where they are given."""
    rendered = [folder / f"{seed}.jpg" for seed in range(count)]
    for seed, path in enumerate(rendered):
        path.write_bytes(page_jpeg(seed))
    real = {name: page_paths(real_dir / name, count) for name in SETS} if real_dir else {}
    return {"rendered": rendered, **real}


def served(stack: ExitStack, name: str, clients: Iterable[int], threads: int) -> list[Way]:
    """Starts a server for ``runtime:precision`` and returns its ways."""
    runtime, _, precision = name.partition(":")
    server = stack.enter_context(
        running_server(threads, runtime=runtime, inference_precision=precision or "auto")
    )
    client = stack.enter_context(OCRClient(server.address))

    def read(page: Path) -> int:
        found = client.read(page, timeout_s=600)
        lines = (line for result in found for page in result.pages for b in page.blocks for line in b.lines)
        return sum(len(line.words) for line in lines)

    return [Way(f"doctr-serve {name}", callers, read, server.cpu_s) for callers in clients]


def peers(stack: ExitStack, names: Iterable[str], threads: int, warm_up: Path) -> list[Way]:
    """Returns the ways of the peers that are installed; says which are not."""
    ways = []
    for name in names:
        try:
            for callers in dict.fromkeys((1, threads)):
                peer = Peer(name, callers=callers, threads=threads // callers, warm_up=warm_up)
                stack.enter_context(peer)
                ways.append(Way(name, callers, peer.read, peer.cpu_s))
        except PeerUnavailable as error:
            print(f"throughput: left out {error}", file=sys.stderr)
    return ways


def ratios(ways: list[Way], name: str) -> dict[str, float]:
    """Returns, for each way, the median over the rounds of its pages a second over the reference's."""
    reference = next(way for way in ways if way.label == REFERENCE).pages_per_s[name]
    return {
        way.label: statistics.median(
            own / other for own, other in zip(way.pages_per_s[name], reference, strict=True)
        )
        for way in ways
    }


def summary(ways: list[Way], sets: dict[str, list[Path]]) -> dict:
    """Returns, by set, what was measured of each way; ``ratio`` is that of its pages a second to the reference's."""
    found: dict = {"reference": REFERENCE, "sets": {}}
    for name, pages in sets.items():
        found["sets"][name] = {"pages": len(pages), "ways": {}}
        for way, ratio in zip(ways, ratios(ways, name).values(), strict=True):
            found["sets"][name]["ways"][way.label] = {
                "name": way.name,
                "callers": way.callers,
                "pages_per_s": statistics.median(way.pages_per_s[name]),
                "cpu_s_per_page": statistics.median(way.cpu_s_per_page[name]),
                "ratio": ratio,
                "words": way.words[name],
                "rounds_pages_per_s": way.pages_per_s[name],
            }
    return found


def print_table(found: dict) -> None:
    """Prints a table per set of pages."""
    for name, measured in found["sets"].items():
        print(f"\n{name}, {measured['pages']} pages\n{'':38}pages/s  CPU s/page  words  ratio to {REFERENCE}")
        for label, way in measured["ways"].items():
            print(
                f"{label:37} {way['pages_per_s']:8.2f}  {way['cpu_s_per_page']:10.2f}  {way['words']:5}"
                f"  {way['ratio']:.2f}"
            )


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pair", choices=("bundled", "full"), default="bundled")
    parser.add_argument("--pages", type=int, default=16, help="of each set")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8], help="of the service")
    parser.add_argument(
        "--served",
        nargs="+",
        default=["torch:f32", "openvino:f32", "openvino:bf16"],
        metavar="RUNTIME:PRECISION",
        help="a server each",
    )
    parser.add_argument(
        "--peers", nargs="*", choices=PEERS, default=list(PEERS), help="docTR is always there"
    )
    parser.add_argument("--real-dir", type=Path, help="folder with receipts/ and forms/")
    parser.add_argument("--cores", type=int, default=available_cores(), help="that all of it may use")
    add_json_option(parser)
    return parser.parse_args()


def main() -> int:
    """Measures, prints the tables and one JSON object."""
    args = arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.cores])
    if args.pair == "full":
        return full_pair.run(args)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sets = page_sets(folder, args.pages, args.real_dir)
        warm_up = sets["rendered"][0]
        ways = peers(stack, dict.fromkeys(("docTR", *args.peers)), args.cores, warm_up)
        for name in args.served:
            ways += served(stack, name, args.clients, args.cores)
        for way in ways:
            way.read(warm_up)
        for name, pages in sets.items():
            for _ in range(args.rounds):
                for way in ways:
                    way.measure(name, pages)
    found = summary(ways, sets)
    hand_over("throughput", args, found)
    print_table(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
