"""When calls of the latency benchmark arrive, and what is made of their outcomes."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.latency import Outcome, arrivals, summary


def test_the_same_seed_gives_the_same_arrivals() -> None:
    first = list(arrivals("poisson", 5.0, 20.0, seed=3))

    assert first == list(arrivals("poisson", 5.0, 20.0, seed=3))
    assert first != list(arrivals("poisson", 5.0, 20.0, seed=4))


def test_poisson_arrivals_keep_the_rate_and_come_at_unequal_distances() -> None:
    due_s = list(arrivals("poisson", 10.0, 1000.0, seed=0))
    distances = {round(later - earlier, 6) for earlier, later in itertools.pairwise(due_s)}

    assert len(due_s) == pytest.approx(10_000, rel=0.05)
    assert due_s == sorted(due_s)
    assert due_s[-1] < 1000
    assert len(distances) > 5000


def test_uniform_arrivals_come_at_equal_distances() -> None:
    assert list(arrivals("uniform", 4.0, 1.1, seed=0)) == [0.25, 0.5, 0.75, 1.0]


def test_refusals_count_neither_as_goodput_nor_in_the_latencies() -> None:
    outcomes = [
        Outcome(1.0, 2.0, is_refused=False),
        Outcome(2.0, 5.0, is_refused=False),
        Outcome(3.0, 3.02, is_refused=True),
        Outcome(4.0, 4.05, is_refused=True),
    ]

    found = summary(outcomes)

    assert found["calls"] == 4
    assert found["refused"] == 2
    assert found["p50_s"] == pytest.approx(2.0)
    assert found["p99_s"] == pytest.approx(2.98)
    assert found["goodput_per_s"] == pytest.approx(2 / 4)
    assert found["slowest_refusal_s"] == pytest.approx(0.05)


def test_without_refusals_none_is_slow() -> None:
    assert summary([Outcome(0.0, 1.0, is_refused=False)])["slowest_refusal_s"] == 0
