"""`make evaluate`: word F1 of the running service on real receipts and forms, beside Tesseract's.

Starts the service with the bundled models (or uses `--server`), sends every page with the contract's default options,
scores with the data's score.py, reads the same pages with Tesseract's four usual modes, turns the pages and reads them
again, and writes the worst pages as pictures. Says what it skips where the pages or Tesseract are absent.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from doctr_serve_client import OCRClient
from doctr_serve_client.errors import WeightsUnavailableError
from tqdm import tqdm

from benchmarks.harness import DETECTION_MODEL, RECOGNITION_MODEL, running_server

from .gallery import Case, write_gallery
from .pages import SETS, page_paths
from .readers import TESSERACT_MODES, entry_lines, read_pages, tesseract_pages, tesseract_version
from .scoring import Score, score
from .turns import measure_turns

MUST = {"receipts": 0.82, "forms": 0.70}
AIM = {"receipts": 0.90, "forms": 0.80}


@contextlib.contextmanager
def service(address: str | None, threads: int) -> Iterator[str]:
    """Yields the address of a running service: the given one, or one started for the while."""
    if address:
        yield address
        return
    with running_server(threads) as server:
        yield server.address


class Evaluation:
    """One run: the service, the pages, and where results go."""

    def __init__(self, args: argparse.Namespace, client: OCRClient) -> None:
        """Takes the command line's arguments and a client."""
        self.args, self.client = args, client
        self.options = {"detection_model": args.detection_model, "recognition_model": args.recognition_model}
        self.scorer = args.real_dir / "score.py"

    def score(self, name: str, texts: dict[str, str], reader: str) -> Score:
        """Scores texts of a set, and keeps them."""
        return score(self.scorer, self.args.real_dir / name, texts, self.args.out / reader / name)

    def run_set(self, name: str, tesseract: str | None) -> dict[str, object]:
        """Measures one set; returns its row of the table."""
        pictures = page_paths(self.args.real_dir / name, self.args.limit)
        results = read_pages(self.client, pictures, label=name, **self.options)
        own = self.score(name, {n: entry_lines(r) for n, r in results.items()}, "service")
        worst = sorted(pictures, key=lambda p: own.by_page[p.stem])[: self.args.worst]
        cases = [Case(p, results[p.stem], own.by_page[p.stem]) for p in worst]
        write_gallery(self.args.out / f"worst-{name}.html", f"Worst {len(cases)} {name}", cases)
        row: dict[str, object] = {"pages": len(pictures), "f1": own.f1}
        row |= {"precision": own.precision, "recall": own.recall}
        if tesseract:
            modes = {
                mode: self.score(
                    name, tesseract_pages(pictures, mode, self.args.threads), f"tesseract-{mode}"
                ).f1
                for mode in TESSERACT_MODES
            }
            row["tesseract"] = modes
        if self.args.turns:
            try:
                row["turns"] = measure_turns(self, name, pictures, own.f1)
            except WeightsUnavailableError as error:
                tqdm.write(f"evaluate: turned pages left out: {error}", file=sys.stderr)
        return row


def table(rows: dict[str, dict], tesseract: str | None) -> str:
    """Returns the table as text."""
    out: list[str] = []

    def line(label: str, values: list[str]) -> None:
        out.append(f"{label:24}" + "".join(f"{value:>18}" for value in values))

    line("word F1 (alnum)", [f"{name} ({row['pages']})" for name, row in rows.items()])
    line("doctr-serve", [f"{row['f1']:.3f}" for row in rows.values()])
    line("  precision / recall", [f"{row['precision']:.3f} / {row['recall']:.3f}" for row in rows.values()])
    line("must / aim", [f"{MUST[name]:.2f} / {AIM[name]:.2f}" for name in rows])
    if tesseract:
        best = [max(row["tesseract"].items(), key=lambda item: item[1]) for row in rows.values()]
        line(f"Tesseract {tesseract}, best", [f"{value:.3f} (psm {mode})" for mode, value in best])
        for mode in TESSERACT_MODES:
            line(f"  psm {mode}", [f"{row['tesseract'][mode]:.3f}" for row in rows.values()])
    if all("turns" in row for row in rows.values()):
        for label in next(iter(rows.values()))["turns"]:
            line(label, [row["turns"][label] for row in rows.values()])
    return "\n".join(out)


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--real-dir", type=Path, default=Path("../shared/real"), help="receipts/, forms/, score.py"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/evaluation"), help="where texts and pictures go"
    )
    parser.add_argument("--server", help="host:port of a running service; without it one is started")
    parser.add_argument("--detection-model", default=DETECTION_MODEL)
    parser.add_argument("--recognition-model", default=RECOGNITION_MODEL)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--limit", type=int, help="pages of each set, spread evenly; all without it")
    parser.add_argument("--worst", type=int, default=12, help="pages of each set that are shown as pictures")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-tesseract", dest="tesseract", action="store_false")
    parser.add_argument("--no-turns", dest="turns", action="store_false", help="leave out turned pages")
    return parser.parse_args()


def main() -> int:
    """Runs the evaluation; returns the exit status."""
    args = arguments()
    if not (args.real_dir / "score.py").exists():
        print(f"evaluate: skipped, no real pages in {args.real_dir} (give --real-dir)", file=sys.stderr)
        return 0
    tesseract = tesseract_version() if args.tesseract else None
    if tesseract is None:
        print("evaluate: Tesseract left out (Debian: apt-get install tesseract-ocr)", file=sys.stderr)
    args.out.mkdir(parents=True, exist_ok=True)
    with service(args.server, args.threads) as address, OCRClient(address) as client:
        evaluation = Evaluation(args, client)
        rows = {name: evaluation.run_set(name, tesseract) for name in args.sets}
    (args.out / "evaluation.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(table(rows, tesseract))
    print(f"texts and worst pages: {args.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
