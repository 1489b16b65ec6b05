"""A 100-page call is cancelled: how long does the processor go on working?"""

from __future__ import annotations

import argparse
import json
import time

from doctr_serve.settings import Settings
from doctr_serve_client import OCRClient

from benchmarks.harness import RunningServer, running_server, scanned_pdf

WINDOW_S = 0.1
IDLE_WINDOWS = 10
IDLE_SHARE = 0.1
"""The processor counts as idle once the server has used less than this share of one core in so many windows in a row:
a single quiet window may be a busy thread that did not get the core."""


def seconds_until_idle(server: RunningServer, limit_s: float) -> float:
    """Time from now until the first of the idle windows begins."""
    started = time.perf_counter()
    used = server.cpu_s()
    quiet_since, quiet_windows = started, 0
    while quiet_windows < IDLE_WINDOWS and time.perf_counter() - started < limit_s:
        window_started = time.perf_counter()
        time.sleep(WINDOW_S)
        now = server.cpu_s()
        is_quiet = now - used < IDLE_SHARE * WINDOW_S
        if not is_quiet or quiet_windows == 0:
            quiet_since = window_started
        quiet_windows = quiet_windows + 1 if is_quiet else 0
        used = now
    return quiet_since - started if quiet_windows else limit_s


def main() -> int:
    """Prints the figures; status 1 when the server worked on for longer than two pages take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--threads", type=int, default=Settings().intra_op_threads)
    arguments = parser.parse_args()
    pdf = scanned_pdf(arguments.pages)
    with running_server(arguments.threads) as server, OCRClient(server.address) as client:
        pages = client.stream_pages([("long.pdf", pdf)], timeout_s=3600)
        for _ in range(3):
            next(pages)
        started = time.perf_counter()
        for _ in range(4):
            next(pages)
        page_s = (time.perf_counter() - started) / 4
        pages.close()
        idle_s = seconds_until_idle(server, limit_s=20 * page_s)
    print(json.dumps({"benchmark": "cancel", "page_s": round(page_s, 3), "idle_after_s": round(idle_s, 3)}))
    print(f"idle {idle_s / page_s:.2f} pages' time after the cancel")
    return int(idle_s > 2 * page_s)


if __name__ == "__main__":
    raise SystemExit(main())
