"""Batches of any size -> batches of few sizes, for a runtime that prepares itself for each size anew."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["parts"]

WORTH_A_FORWARD = 8
"""Fewer images than these are padded, not split: a forward of one costs a third of a forward of eight."""


def parts(count: int, largest: int) -> Iterator[tuple[int, int]]:
    """Cuts a batch into parts whose sizes are powers of two.

    Args:
        count: images of the batch.
        largest: images of a part at most; 1 at least.

    Yields:
        For each part, in order, how many of the batch's images it takes, and its size: this many, or more where the
        last few are padded.
    """
    size = 1 << (largest.bit_length() - 1)
    while count:
        while size > count and size > WORTH_A_FORWARD:
            size //= 2
        if count < size:
            size = min(size, 1 << (count - 1).bit_length())
        taken = min(count, size)
        yield taken, size
        count -= taken
