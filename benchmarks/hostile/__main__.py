"""Hostile files, messages and callers, one by one, each against a fresh server with default settings.

Prints a table and one JSON object; the status is 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from doctr_serve.settings import Settings

from benchmarks.hostile import (  # noqa: F401 - they register
    connections,
    forms,
    json_bodies,
    messages,
    pdfs,
    pictures,
    uploads,
)
from benchmarks.hostile.attack import ATTACKS, Attack
from benchmarks.hostile.measure import Result, measure, scene

HEADINGS = (
    f"{'attack':22} {'+MB':>6} {'kept':>6} {'seconds':>8} {'busy on':>8} {'page alone':>11} {'beside':>7} "
    f"{'ratio':>6} {'health':>7} {'threads':>8} {'alive':>6}  answer"
)


def _row(result: Result) -> str:
    if result.skipped:
        return f"{result.name:22} {result.outcome}"
    figures = (
        f"{result.name:22} {result.peak_mib:6.0f} {result.kept_mib:6.0f} {result.seconds:8.1f} {result.busy_s:8.1f} "
        f"{result.alone_s:11.2f} {result.beside_s:7.2f} {result.ratio:6.1f} {result.health_s:7.3f} "
        f"{result.threads:8} {'yes' if result.alive else 'NO':>6}  {result.outcome}"
    )
    notes = [f"missed: {', '.join(result.missed)}"] if result.missed else []
    return "\n    ".join([figures, *notes, *result.problems])


def _measured(attacks: list[Attack], arguments: argparse.Namespace) -> Iterator[Result]:
    """Measures the attacks and prints a row for each; a server that was harmed is never attacked again."""
    waiting = deque(attacks)
    while waiting:
        with scene(threads=arguments.threads, cases=arguments.cases) as on:
            is_fresh = True
            while waiting and is_fresh:
                result = measure(
                    waiting.popleft(), on, cap_mib=arguments.cap_mib, niceness=arguments.attacker_nice
                )
                is_fresh = result.skipped or (arguments.reuse and not result.missed)
                print(_row(result), flush=True)
                yield result


def main() -> int:
    """Prints the table; status 1 when a bar was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="this attack; may be repeated")
    parser.add_argument("--list", action="store_true", help="name the attacks and end")
    parser.add_argument(
        "--cases",
        type=Path,
        help="folder with hostile/pdfrecform.pdf and hostile/pdftiling.pdf; else these are skipped",
    )
    parser.add_argument(
        "--reuse", action="store_true", help="a fresh server only after a missed bar: faster, and less exact"
    )
    parser.add_argument("--threads", type=int, default=Settings().intra_op_threads)
    parser.add_argument(
        "--attacker-nice",
        type=int,
        default=19,
        help="niceness of the attacker's threads: its cores would be its own, and here are the server's, too",
    )
    parser.add_argument("--cap-mib", type=int, default=4000, help="the server is ended at so much over idle")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(f"{attack.name:22} {attack.what}" for attack in ATTACKS.values()))
        return 0
    unknown = set(arguments.only or ()) - set(ATTACKS)
    if unknown:
        parser.error(f"no such attack: {', '.join(sorted(unknown))}; --list names them")
    print(HEADINGS, flush=True)
    results = list(_measured([ATTACKS[name] for name in arguments.only or ATTACKS], arguments))
    missed = [result.name for result in results if result.missed]
    load = [round(value, 1) for value in os.getloadavg()]
    attacks = [{**asdict(result), "ratio": round(result.ratio, 2)} for result in results]
    print(json.dumps({"benchmark": "hostile", "load": load, "missed": missed, "attacks": attacks}))
    print(f"{len(results)} attacks, {len(missed)} with a bar missed: {', '.join(missed) or 'none'}")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
