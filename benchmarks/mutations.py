"""Thousands of damaged files: does the server answer each one, soon, and never with a fault of its own?

Files of every format are made in code and damaged: flipped bits, cut ends, parts twice, absurd lengths, two files
spliced. Case ``n`` is always the same file: ``--seed n --count 1`` sends it again, ``--save FOLDER`` writes it.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2
from doctr_serve_client import OCRClient, OCRError
from google.rpc import error_details_pb2

from benchmarks.damaged_files import case, sound_files
from benchmarks.harness import running_server
from benchmarks.hostile.usage import is_alive, watched

SLOW_S = 5.0
TIMEOUT_S = 60.0
DEATH = "SERVER DIED"


@dataclass(frozen=True)
class Answer:
    """What a case was answered.

    Attributes:
        seed: of the case.
        what: the file's format and the mutation.
        reason: OK, or the error's reason.
        seconds: until then.
    """

    seed: int
    what: str
    reason: str
    seconds: float


def _reason(results: list[ocr_pb2.PageResult]) -> str:
    """The reason of the first page that failed; OK where none did."""
    for result in results:
        info = error_details_pb2.ErrorInfo()
        if result.HasField("error"):
            return next((info.reason for detail in result.error.details if detail.Unpack(info)), "UNKNOWN")
    return "OK"


class Sender:
    """Sends cases to one server.

    Args:
        server: its process.
        client: calls it.
    """

    def __init__(self, server: psutil.Process, client: OCRClient) -> None:
        self._server = server
        self._client = client
        self._files = sound_files()
        self._lock = threading.Lock()
        self._done = 0

    def __call__(self, seed: int) -> Answer:
        """Sends a case and tells the answer."""
        what, data, options = case(seed, self._files)
        started = time.perf_counter()
        try:
            document = ("case." + what.partition(",")[0], data)
            results = self._client.read([document], raise_page_errors=False, timeout_s=TIMEOUT_S, **options)
            reason = _reason(results)
        except OCRError as error:
            reason = error.reason or error.code.name
            if error.code.name == "UNAVAILABLE" and not is_alive(self._server):
                reason = DEATH
        answer = Answer(seed, what, reason, round(time.perf_counter() - started, 2))
        self._tell(answer)
        return answer

    def _tell(self, answer: Answer) -> None:
        with self._lock:
            self._done += 1
            if self._done % 250 == 0:
                print(f"{self._done} sent", flush=True)


def _report(arguments: argparse.Namespace, answers: list[Answer], peak_mib: float, seconds: float) -> int:
    by_reason = Counter(answer.reason for answer in answers)
    faults = [answer for answer in answers if answer.reason in ("INTERNAL", "UNKNOWN", DEATH)]
    slow = [answer for answer in answers if answer.seconds > SLOW_S]
    crashes = [answer.seed for answer in answers if answer.reason == "DECODER_CRASHED"]
    for answer in dict.fromkeys([*faults, *slow]):
        print(f"seed {answer.seed} ({answer.what}): {answer.reason} after {answer.seconds:.1f} s")
    figures = {
        "benchmark": "mutations",
        "count": len(answers),
        "seed": arguments.seed,
        "reasons": dict(by_reason.most_common()),
        "decoder_crash_seeds": crashes[:20],
        "slow": len(slow),
        "peak_mib": round(peak_mib),
        "seconds": round(seconds),
        "load": [round(value, 1) for value in os.getloadavg()],
    }
    print(json.dumps(figures))
    deaths = by_reason[DEATH]
    print(
        f"{len(answers)} damaged files: {deaths} unanswered, {len(faults) - deaths} INTERNAL, {len(slow)} slow"
    )
    return int(bool(faults or slow))


def _again_if_slow(send: Sender, answer: Answer) -> Answer:
    """Sends a slow case once more and alone: beside others, or on a busy machine, every page is slow at times."""
    return send(answer.seed) if answer.seconds > SLOW_S else answer


def _save(folder: Path, seeds: range) -> None:
    files = sound_files()
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        what, data, options = case(seed, files)
        (folder / f"{seed}.{what.partition(',')[0]}").write_bytes(data)
        print(seed, what, options)


def main() -> int:
    """Prints what was answered; status 1 where the server failed, or took long."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the next ones count on")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--threads", type=int, default=Settings().intra_op_threads)
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the cases, and send none")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    if arguments.save:
        _save(arguments.save, seeds)
        return 0
    started = time.perf_counter()
    with (
        running_server(arguments.threads) as server,
        OCRClient(server.address) as client,
        watched(server.process, cap_mib=4000) as usage,
        ThreadPoolExecutor(arguments.clients) as pool,
    ):
        send = Sender(server.process, client)
        answers = [_again_if_slow(send, answer) for answer in list(pool.map(send, seeds))]
    return _report(arguments, answers, usage.peak_mib, time.perf_counter() - started)


if __name__ == "__main__":
    raise SystemExit(main())
