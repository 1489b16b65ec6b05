"""Parts of a file as if they were one file, without copying them."""

from __future__ import annotations

import bisect
import io
import itertools
from collections.abc import Sequence
from typing import BinaryIO

__all__ = ["spliced"]


class _Spliced(io.RawIOBase):
    """Reads the segments of ``file`` one after the other, then ``tail``."""

    def __init__(self, file: BinaryIO, segments: Sequence[tuple[int, int]], tail: bytes) -> None:
        self._file = file
        self._offsets = [offset for offset, _ in segments]
        # Where each segment begins in the whole, and where the last one ends.
        self._starts = [0, *itertools.accumulate(length for _, length in segments)]
        self._tail = tail
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1] + len(self._tail)}
        self._position = max(0, base[whence] + offset)
        return self._position

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # typeshed names its type only in stubs
        index = bisect.bisect_right(self._starts, self._position) - 1
        if index < len(self._offsets):
            within = self._position - self._starts[index]
            self._file.seek(self._offsets[index] + within)
            data = self._file.read(min(len(buffer), self._starts[index + 1] - self._position))
        else:
            start = self._position - self._starts[-1]
            data = self._tail[start : start + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def spliced(file: BinaryIO, segments: Sequence[tuple[int, int]], tail: bytes = b"") -> BinaryIO:
    """Returns the segments of a file, one after the other, as a file to read.

    Args:
        file: open for reading; its position is moved.
        segments: offset and length of each, within the file and longer than nothing.
        tail: what follows after the last one.
    """
    return io.BufferedReader(_Spliced(file, segments, tail))
