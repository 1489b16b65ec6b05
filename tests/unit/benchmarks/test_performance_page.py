"""The performance page and its chart hold what was measured, and nothing else."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from benchmarks.bar_chart import bar_chart
from benchmarks.performance_page import best_by_reader, chart, page

SVG = "{http://www.w3.org/2000/svg}"

MACHINE = {
    "processor": "A <processor> & more",
    "cores": 2,
    "memory_gib": 8,
    "python": "3.11.1",
    "packages": {"torch": "2.10"},
}


def measured(name: str, callers: int, pages_per_s: float) -> dict[str, Any]:
    return {
        "name": name,
        "callers": callers,
        "pages_per_s": pages_per_s,
        "cpu_s_per_page": 0.5,
        "ratio": 1.5,
        "words": 3,
    }


THROUGHPUT: dict[str, Any] = {
    "benchmark": "throughput",
    "machine": MACHINE,
    "arguments": {"rounds": 5, "cores": 2},
    "reference": "docTR, 1 caller",
    "sets": {
        "rendered": {
            "pages": 16,
            "ways": {
                "docTR, 1 caller": measured("docTR", 1, 1.25),
                "doctr-serve torch:f32, 1 caller": measured("doctr-serve torch:f32", 1, 2.0),
                "doctr-serve torch:f32, 8 callers": measured("doctr-serve torch:f32", 8, 2.5),
            },
        }
    },
}

SCALING: dict[str, Any] = {
    "machine": MACHINE,
    "arguments": {"runtime": "openvino"},
    "rows": [{"cores": 2, "clients": 8, "pages_per_s": 3.75}],
}


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  # the benchmark's own


def rectangles(svg: str, kind: str) -> list[ElementTree.Element]:
    return [bar for bar in parsed(svg).iter(f"{SVG}rect") if bar.get("class") == kind]


def test_a_bar_is_as_long_as_its_value() -> None:
    svg = bar_chart("t", "n", {"p": {"a": 4.0, "b": 1.0}}, own=["a"])

    [own], [other] = rectangles(svg, "own"), rectangles(svg, "other")
    assert float(own.get("width", 0)) == 4 * float(other.get("width", 0)) > 0


def test_a_value_that_is_missing_from_a_panel_has_no_bar_there() -> None:
    svg = bar_chart("t", "n", {"p": {"a": 4.0, "b": 1.0}, "q": {"a": 1.0}}, own=["a"])

    assert len(rectangles(svg, "own")) == 2
    assert len(rectangles(svg, "other")) == 1


def test_names_in_the_chart_are_escaped() -> None:
    assert "A <processor> & more" in "".join(parsed(chart(THROUGHPUT)).itertext())


def test_each_reader_is_charted_with_the_callers_that_suit_it_best_and_the_fastest_first() -> None:
    best = best_by_reader(THROUGHPUT["sets"]["rendered"]["ways"])

    assert list(best.items()) == [("doctr-serve torch:f32", 2.5), ("docTR", 1.25)]


def test_only_the_service_stands_out() -> None:
    svg = chart(THROUGHPUT)

    assert len(rectangles(svg, "own")) == 1
    assert len(rectangles(svg, "other")) == 1


def test_the_page_has_every_way_and_a_section_for_each_result_that_is_there() -> None:
    text = page({"throughput": THROUGHPUT, "scaling": SCALING})

    assert "| doctr-serve torch:f32, 8 callers | 2.50 | 0.50 | 1.50 |" in text
    assert "| 2 | 8 | 3.75 |" in text
    assert "runtime=openvino" in text
    assert text.index("## Throughput") < text.index("## Cores and clients")
    assert "## Latency" not in text
