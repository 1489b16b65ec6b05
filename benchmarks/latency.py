"""Calls that arrive when they arrive, answered or not: latency, goodput and refusals at several loads.

The capacity is measured first, with callers who wait for each answer. Then calls of one page arrive at random (a
Poisson process) at a share of it, and each one's latency counts from the time when it was due.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from doctr_serve.settings import Settings
from doctr_serve_client import OCRClient, QueueFullError

from benchmarks.harness import page_jpeg, running_server
from benchmarks.results import add_json_option, hand_over

LOADS = (0.5, 0.8, 1.0, 1.2)
GOODPUT_BAR = 0.95
"""Share of the peak that the goodput must keep at the largest load."""
REFUSAL_BAR_S = 0.1
TIMEOUT_S = 600.0
MOST_OPEN_CALLS = 256


@dataclass(frozen=True)
class Outcome:
    """One call.

    Attributes:
        due_s: when it arrived, from the start.
        done_s: when its answer came.
        is_refused: the queue was full.
    """

    due_s: float
    done_s: float
    is_refused: bool

    @property
    def latency_s(self) -> float:
        """From when it was due."""
        return self.done_s - self.due_s


def arrivals(kind: str, rate_per_s: float, duration_s: float, seed: int) -> Iterator[float]:
    """Yields when calls arrive, in seconds from the start; the same for the same seed.

    Args:
        kind: ``poisson``, or ``uniform`` for calls at equal distances.
        rate_per_s: of calls, on average.
        duration_s: none arrives later.
        seed: of the Poisson process.
    """
    rng = random.Random(seed)
    due_s = 0.0
    while True:
        due_s += rng.expovariate(rate_per_s) if kind == "poisson" else 1 / rate_per_s
        if due_s >= duration_s:
            return
        yield due_s


def offer(client: OCRClient, page: bytes, due_times_s: Iterator[float]) -> list[Outcome]:
    """Makes a call at each of the times, whatever has become of those before."""

    def call(due_s: float) -> Outcome:
        try:
            client.read([("page.jpg", page)], timeout_s=TIMEOUT_S)
        except QueueFullError:
            return Outcome(due_s, time.perf_counter() - started, is_refused=True)
        return Outcome(due_s, time.perf_counter() - started, is_refused=False)

    with ThreadPoolExecutor(MOST_OPEN_CALLS) as pool:
        calls = []
        started = time.perf_counter()
        for due_s in due_times_s:
            time.sleep(max(0.0, due_s - (time.perf_counter() - started)))
            calls.append(pool.submit(call, due_s))
        return [future.result() for future in calls]


def capacity_per_s(client: OCRClient, page: bytes, callers: int, duration_s: float) -> float:
    """Pages a second that callers get who each wait for the answer before the next call."""
    started = time.perf_counter()

    def keep_calling(_: int) -> int:
        calls = 0
        while time.perf_counter() - started < duration_s:
            client.read([("page.jpg", page)], timeout_s=TIMEOUT_S)
            calls += 1
        return calls

    with ThreadPoolExecutor(callers) as pool:
        calls = sum(pool.map(keep_calling, range(callers)))
        return calls / (time.perf_counter() - started)


def summary(outcomes: list[Outcome]) -> dict[str, float]:
    """Returns latencies in seconds, goodput in pages a second until the last answer, and the refusals."""
    answered = [outcome for outcome in outcomes if not outcome.is_refused]
    latencies = [outcome.latency_s for outcome in answered]
    refusals = [outcome.latency_s for outcome in outcomes if outcome.is_refused]
    elapsed_s = max(outcome.done_s for outcome in outcomes) - min(outcome.due_s for outcome in outcomes)
    return {
        "calls": len(outcomes),
        "p50_s": float(np.percentile(latencies, 50)),
        "p99_s": float(np.percentile(latencies, 99)),
        "goodput_per_s": len(answered) / elapsed_s,
        "refused": len(refusals),
        "slowest_refusal_s": max(refusals, default=0.0),
    }


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=120.0, help="of each load, and half of it for capacity"
    )
    parser.add_argument("--arrivals", choices=("poisson", "uniform"), default="poisson")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--callers", type=int, default=8, help="by whom the capacity is measured")
    parser.add_argument("--lines", type=int, default=12, help="of text on the page")
    parser.add_argument(
        "--max-queued-requests",
        type=int,
        default=8,
        help="of the server: fewer than by default, so that the queue is full within the time",
    )
    parser.add_argument("--runtime", default=Settings().runtime)
    parser.add_argument("--threads", type=int, default=Settings().intra_op_threads)
    add_json_option(parser)
    args = parser.parse_args()
    places = Settings().max_concurrent_requests + args.max_queued_requests
    if args.callers > places:
        parser.error(f"the server would refuse some of the --callers: it has {places} places")
    return args


def main() -> int:
    """Prints the figures of each load; status 1 when a bar is missed."""
    args = arguments()
    page = page_jpeg(1, lines=args.lines)
    settings = {"runtime": args.runtime, "max_queued_requests": args.max_queued_requests}
    with (
        running_server(args.threads, **settings) as server,
        OCRClient(server.address, max_attempts=1) as client,
    ):
        client.read([("page.jpg", page)], timeout_s=TIMEOUT_S)
        capacity = capacity_per_s(client, page, args.callers, args.seconds / 2)
        print(f"capacity: {capacity:.2f} pages/s", flush=True)
        loads = {}
        for load, seed in zip(LOADS, itertools.count(args.seed)):
            due_times_s = arrivals(args.arrivals, load * capacity, args.seconds, seed)
            loads[load] = found = summary(offer(client, page, due_times_s))
            print(
                f"{load:4.0%}: p50 {found['p50_s']:.2f} s, p99 {found['p99_s']:.2f} s, goodput "
                f"{found['goodput_per_s']:.2f} pages/s, {found['refused']} of {found['calls']} refused, "
                f"the slowest after {1000 * found['slowest_refusal_s']:.0f} ms",
                flush=True,
            )
    peak = max(capacity, *(found["goodput_per_s"] for found in loads.values()))
    kept = loads[max(LOADS)]["goodput_per_s"] / peak
    hand_over("latency", args, {"capacity_per_s": capacity, "loads": loads, "goodput_kept": kept})
    print(f"goodput at {max(LOADS):.0%}: {kept:.1%} of the peak")
    is_slow = any(found["slowest_refusal_s"] > REFUSAL_BAR_S for found in loads.values())
    return int(kept < GOODPUT_BAR or is_slow)


if __name__ == "__main__":
    raise SystemExit(main())
