"""One process of a peer: reads the page of each file that is named on the standard input.

Each line of the output is a JSON object: first ``problem``, empty where the peer could be loaded; then, for each page,
``words`` that it found, and ``cpu_s``, the CPU seconds used so far.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psutil

from benchmarks.harness import cpu_s_of
from benchmarks.peers.readers import PEERS


def main() -> None:
    """Loads the peer and reads until the input ends."""
    name, threads = sys.argv[1:]
    # Libraries that print would mix with the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(**fields: object) -> None:
        print(json.dumps(fields), file=answers, flush=True)

    try:
        read = PEERS[name](int(threads))
    except Exception as error:
        answer(problem=" ".join(f"{type(error).__name__}: {error}".split()))
        return
    answer(problem="")
    process = psutil.Process()
    for line in sys.stdin:
        words = read(Path(line.rstrip("\n")))
        answer(words=words, cpu_s=cpu_s_of(process))


if __name__ == "__main__":
    main()
