"""Batches of any size are run as batches of few sizes."""

from __future__ import annotations

import pytest
from doctr_serve.inference.runtimes.batch_sizes import parts


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [(1, 1)]),
        (3, [(3, 4)]),
        (5, [(5, 8)]),
        (8, [(8, 8)]),
        (17, [(16, 16), (1, 1)]),
        (37, [(32, 32), (5, 8)]),
        (130, [(64, 64), (64, 64), (2, 2)]),
    ],
)
def test_a_batch_is_cut_into_powers_of_two_and_the_last_few_are_padded(
    count: int, expected: list[tuple[int, int]]
) -> None:
    assert list(parts(count, largest=64)) == expected


@pytest.mark.parametrize("largest", [1, 2, 3, 64, 100])
def test_every_image_is_run_once_and_sizes_are_few(largest: int) -> None:
    cut = {count: list(parts(count, largest)) for count in range(1, 300)}
    assert all(sum(taken for taken, _ in sizes) == count for count, sizes in cut.items())
    sizes = {size for each in cut.values() for _, size in each}
    assert len(sizes) <= largest.bit_length()
    assert max(sizes) <= largest
    assert all(0 <= size - taken < 4 for each in cut.values() for taken, size in each)
