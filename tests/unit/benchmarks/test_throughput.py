"""What the throughput benchmark makes of its rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.throughput import REFERENCE, Way, summary


def way(name: str, callers: int, pages_per_s: list[float]) -> Way:
    found = Way(name, callers, lambda page: 0, lambda: 0.0)
    found.pages_per_s["forms"] = pages_per_s
    found.cpu_s_per_page["forms"] = [1.0, 3.0, 2.0]
    found.words["forms"] = 7
    return found


def test_ratios_are_taken_within_a_round() -> None:
    slow_then_fast = [1.0, 2.0, 10.0]
    ways = [way("docTR", 1, slow_then_fast), way("doctr-serve torch:f32", 8, [2.0, 4.0, 5.0])]

    found = summary(ways, {"forms": [Path("a"), Path("b")]})["sets"]["forms"]

    assert found["pages"] == 2
    assert found["ways"][REFERENCE]["ratio"] == 1
    served = found["ways"]["doctr-serve torch:f32, 8 callers"]
    assert served["ratio"] == 2
    assert served["pages_per_s"] == 4
    assert served["cpu_s_per_page"] == 2
    assert served["words"] == 7


def test_a_round_counts_the_words_and_the_cpu_seconds_of_its_pages_alone() -> None:
    used_s = iter((10.0, 16.0))
    measured = Way("docTR", 2, lambda page: len(page.name), lambda: next(used_s))

    measured.measure("forms", [Path("ab"), Path("c"), Path("def")])

    assert measured.words == {"forms": 6}
    assert measured.cpu_s_per_page == {"forms": [pytest.approx(2.0)]}
    assert len(measured.pages_per_s["forms"]) == 1
