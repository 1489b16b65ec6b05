"""docs/performance.md and docs/throughput.svg, from what the benchmarks wrote with ``--json``.

Every number on the page comes from these files; whatever has none is left out. `make performance` runs all of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.bar_chart import bar_chart

DOCS = Path(__file__).parents[1] / "docs"
OWN = "doctr-serve"

INTRODUCTION = """# Performance

<!-- Written by `make performance`; what is changed by hand is lost. -->

How fast the service is, measured by the programs in [benchmarks](../benchmarks/README.md) on one machine, in one go:
{machine}.

Compare the ratios: the numbers themselves are this machine's. How well each reads is another question, which
`make evaluate` answers; see [Models](../README.md#models).
"""

THROUGHPUT = """## Throughput

![Pages a second by reader](throughput.svg)

All read the same pages on the same cores, the service over gRPC, its client included; rounds alternate between them,
and the median of {rounds} rounds counts. With one caller a reader may use all cores for its page; several callers are
clients of the service, and processes with one thread each of the others. CPU seconds are those of all processes of a
reader, user and system.

docTR is python-doctr in eager torch, called in-process, and OnnxTR runs on ONNX Runtime; both have the service's
bundled weights, OnnxTR as docTR's own export made ONNX files of them. RapidOCR and Tesseract (its command line) come
with models of their own.
"""

FULL_PAIR = """## docTR's default pair

db_resnet50 on one page of 1024 x 1024 pixels, and crnn_vgg16_bn on 128 crops: the forwards alone, with random weights,
which their time does not depend on. docTR is eager torch.
"""

OVERHEAD = """## Against docTR in-process

The bundled pair on `runtime=torch`, the same weights, threads and pages; throughput over docTR's, called in-process.
"""

FAIRNESS = """## Short requests beside long ones

On `runtime={runtime}`, one page beside {documents} documents of {document_pages} pages each takes {p50:.1f} times its
time alone at the median and {p95:.1f} at the 95th percentile; the documents get {pages_per_s:.2f} pages/s meanwhile,
the slowest of them {least} pages and the fastest {most}. One such document beside {callers} callers, who send one page
after the other, gets {document_per_s:.2f} pages/s, {share:.0%} of all pages.
"""

LATENCY = """## Latency and overload

Calls of one page arrive at random (a Poisson process), whether or not earlier ones are answered. Loads are shares of
the throughput that {callers} callers get who wait for each answer: {capacity:.2f} pages/s, with pages of {lines} lines.
The server queues {queue} requests beyond those it works on, and refuses more. At the largest load the goodput is
{kept:.0%} of the peak. `runtime={runtime}`.
"""

SCALING = """## Cores and clients

Server, decoders and client share the cores; the server, on `runtime={runtime}`, takes its number of threads from them.
"""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Returns a table in Markdown; all columns but the first are numbers."""
    names = list(head)
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def machine_line(machine: Mapping[str, Any]) -> str:
    """Returns what the machine is, in one line."""
    packages = ", ".join(f"{name} {found}" for name, found in machine["packages"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; "
        f"Python {machine['python']}, {packages}"
    )


def best_by_reader(ways: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Returns each reader's pages a second with the number of callers that suits it best, the fastest first."""
    best: dict[str, float] = {}
    for way in ways.values():
        best[way["name"]] = max(way["pages_per_s"], best.get(way["name"], 0.0))
    return dict(sorted(best.items(), key=lambda item: -item[1]))


def chart(found: Mapping[str, Any]) -> str:
    """Returns the chart of the throughput as SVG."""
    panels = {
        f"{name} ({measured['pages']})": best_by_reader(measured["ways"])
        for name, measured in found["sets"].items()
    }
    readers = {reader for values in panels.values() for reader in values}
    return bar_chart(
        "Pages a second",
        f"with the number of callers that suits each best; {found['machine']['processor']}, "
        f"{found['arguments']['cores']} cores",
        panels,
        own=[reader for reader in readers if reader.startswith(OWN)],
    )


def throughput(found: Mapping[str, Any]) -> str:
    """Returns the section of ``benchmarks.throughput``."""
    text = THROUGHPUT.format(rounds=found["arguments"]["rounds"])
    for name, measured in found["sets"].items():
        rows = [
            [label, f"{way['pages_per_s']:.2f}", f"{way['cpu_s_per_page']:.2f}", f"{way['ratio']:.2f}"]
            for label, way in measured["ways"].items()
        ]
        head = (
            f"{measured['pages']} pages: {name}",
            "pages/s",
            "CPU s/page",
            f"ratio to {found['reference']}",
        )
        text += f"\n{table(head, rows)}"
    return text


def full_pair(found: Mapping[str, Any]) -> str:
    """Returns the section of ``benchmarks.throughput --pair full``."""
    rows = [
        [f"{model}, {way}", f"{values['median_s']:.3f}", f"{values['ratio']:.2f}"]
        for model, ways in found["stages"].items()
        for way, values in ways.items()
    ]
    return f"{FULL_PAIR}\n{table(('', 'seconds', 'times as fast as docTR'), rows)}"


def overhead(found: Mapping[str, Any]) -> str:
    """Returns the section of ``benchmarks.overhead``."""
    rows = [[way, f"{ratio:.2f}"] for way, ratio in found["median_ratios"].items()]
    return f"{OVERHEAD}\n{table(('', 'ratio'), rows)}"


def fairness(found: Mapping[str, Any]) -> str:
    """Returns the section of ``benchmarks.fairness``."""
    arguments, page, document = found["arguments"], found["one_page"], found["one_document"]
    return FAIRNESS.format(
        runtime=arguments["runtime"],
        documents=arguments["documents"],
        document_pages=arguments["document_pages"],
        p50=page["ratios"]["p50"],
        p95=page["ratios"]["p95"],
        pages_per_s=page["document_pages_per_s"],
        least=min(page["document_pages"]),
        most=max(page["document_pages"]),
        callers=arguments["callers"],
        document_per_s=document["document_pages_per_s"],
        share=document["document_share"],
    )


def latency(found: Mapping[str, Any]) -> str:
    """Returns the section of ``benchmarks.latency``."""
    arguments = found["arguments"]
    text = LATENCY.format(
        runtime=arguments["runtime"],
        callers=arguments["callers"],
        capacity=found["capacity_per_s"],
        lines=arguments["lines"],
        queue=arguments["max_queued_requests"],
        kept=found["goodput_kept"],
    )
    rows = [
        [
            f"{float(load):.0%}",
            f"{values['p50_s']:.2f}",
            f"{values['p99_s']:.2f}",
            f"{values['goodput_per_s']:.2f}",
            f"{values['refused']} of {values['calls']}",
            f"{1000 * values['slowest_refusal_s']:.0f}" if values["refused"] else "",
        ]
        for load, values in found["loads"].items()
    ]
    return f"{text}\n{table(('load', 'p50 s', 'p99 s', 'pages/s', 'refused', 'slowest refusal ms'), rows)}"


def scaling(found: Mapping[str, Any]) -> str:
    """Returns the section of ``benchmarks.scaling``."""
    rows = [[str(row["cores"]), str(row["clients"]), f"{row['pages_per_s']:.2f}"] for row in found["rows"]]
    text = SCALING.format(runtime=found["arguments"]["runtime"])
    return f"{text}\n{table(('cores', 'clients', 'pages/s'), rows)}"


SECTIONS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "throughput": throughput,
    "throughput-full-pair": full_pair,
    "overhead": overhead,
    "fairness": fairness,
    "latency": latency,
    "scaling": scaling,
}
"""By the benchmark's name, in the order of the page."""


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the page.

    Args:
        results: what the benchmarks wrote, by name, that of the throughput among them.
    """
    sections = [write(results[name]) for name, write in SECTIONS.items() if name in results]
    introduction = INTRODUCTION.format(machine=machine_line(results["throughput"]["machine"]))
    return "\n".join([introduction, *sections])


def main() -> None:
    """Writes the page and its chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+", help="JSON files of the benchmarks")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder to write to")
    args = parser.parse_args()
    found = [json.loads(path.read_text(encoding="utf-8")) for path in args.results]
    results = {result["benchmark"]: result for result in found}
    if "throughput" not in results:
        parser.error("none of the files is of benchmarks.throughput")
    (args.docs / "performance.md").write_text(page(results), encoding="utf-8")
    (args.docs / "throughput.svg").write_text(chart(results["throughput"]), encoding="utf-8")


if __name__ == "__main__":
    main()
