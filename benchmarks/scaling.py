"""What more cores and more callers bring: pages a second on one core and on two, with one client and with eight.

A server for each number of cores; it, its decoders and the client may use these cores only, and the server takes its
number of threads from them. Rounds alternate between all, and ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from doctr_serve.settings import Settings
from doctr_serve_client import OCRClient

from benchmarks.harness import page_jpeg, running_server
from benchmarks.results import add_json_option, hand_over

CLIENTS = (1, 8)
CLIENTS_BAR = 1.05
"""How many times the throughput of one client eight of them must get, on every number of cores."""


@contextmanager
def pinned(cores: int) -> Iterator[None]:
    """Lets this thread, and whatever it starts, use so many of its cores until the block ends."""
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_cores)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_cores)


def pages_per_s(client: OCRClient, pages: list[bytes], clients: int) -> float:
    """Pages a second with so many callers at once."""
    with ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        list(pool.map(lambda page: client.read([("page.jpg", page)], timeout_s=600), pages))
        return len(pages) / (time.perf_counter() - started)


def measure(args: argparse.Namespace) -> dict[tuple[int, int], list[float]]:
    """Returns pages a second of each round by (cores, clients)."""
    pages = [page_jpeg(seed) for seed in range(args.pages)]
    speeds: dict[tuple[int, int], list[float]] = {(n, clients): [] for n in args.cores for clients in CLIENTS}
    with ExitStack() as stack:
        callers = {}
        for cores in args.cores:
            with pinned(cores):
                server = stack.enter_context(running_server(None, runtime=args.runtime))
                callers[cores] = stack.enter_context(OCRClient(server.address))
                pages_per_s(callers[cores], pages[:1], 1)
        for _ in range(args.rounds):
            for (cores, clients), samples in speeds.items():
                with pinned(cores):
                    samples.append(pages_per_s(callers[cores], pages, clients))
    return speeds


def median_ratio(ours: list[float], others: list[float]) -> float:
    """Returns the median of the ratios of the same rounds."""
    return statistics.median(own / other for own, other in zip(ours, others, strict=True))


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pages", type=int, default=16, help="pages per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runtime", default=Settings().runtime)
    add_json_option(parser)
    args = parser.parse_args()
    if max(args.cores) > len(os.sched_getaffinity(0)):
        parser.error(f"there are {len(os.sched_getaffinity(0))} cores")
    return args


def main() -> int:
    """Prints the figures; status 1 when eight clients get too little more than one."""
    args = arguments()
    speeds = measure(args)
    by_clients = {cores: median_ratio(speeds[cores, 8], speeds[cores, 1]) for cores in args.cores}
    fewest = min(args.cores)
    by_cores = {
        f"{cores} cores, {clients} client(s)": median_ratio(speeds[cores, clients], speeds[fewest, clients])
        for cores, clients in speeds
        if cores != fewest
    }
    rows = [
        {"cores": cores, "clients": clients, "pages_per_s": statistics.median(samples), "rounds": samples}
        for (cores, clients), samples in speeds.items()
    ]
    hand_over("scaling", args, {"rows": rows, "clients_8_over_1": by_clients, "cores_over_fewest": by_cores})
    for row in rows:
        print(f"{row['cores']} core(s), {row['clients']} client(s): {row['pages_per_s']:.2f} pages/s")
    for cores, ratio in by_clients.items():
        print(f"{cores} core(s): 8 clients get {ratio:.2f} times the throughput of one")
    for name, ratio in by_cores.items():
        print(f"{name}: {ratio:.2f} times the throughput of {fewest} core(s)")
    return int(any(ratio < CLIENTS_BAR for ratio in by_clients.values()))


if __name__ == "__main__":
    raise SystemExit(main())
