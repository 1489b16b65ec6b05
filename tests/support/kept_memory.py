"""Memory that freed tensors leave stays with malloc: forward passes at docTR's own size take less system time."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

from doctr_serve.common.native_memory import MMAP_THRESHOLD_BYTES, trim_native_memory

__all__ = ["kept_memory"]

# <malloc.h> of glibc, and its defaults.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4
_DEFAULT_TOP_PAD_BYTES, _DEFAULT_MMAP_MAX = 128 * 1024, 65536
_LARGEST = 2**31 - 1


@contextmanager
def kept_memory() -> Iterator[None]:
    """Within the block malloc gives nothing back to the system; at its end it gives back all that is free.

    docTR's tensors of more than 32 MiB are otherwise mapped, filled with zeros by the kernel and unmapped in each
    layer: four of the comparisons with docTR took 14 s of system time, and 5 s with this. Not for tests that measure
    this process's memory. Has no effect where the C library is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, _LARGEST)
    mallopt(_M_TOP_PAD, MMAP_THRESHOLD_BYTES)
    try:
        yield
    finally:
        # Any of these ends glibc's own adapting of both thresholds: they stay at the largest that it would reach
        # (malloc.c, "dynamic mmap threshold").
        mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        mallopt(_M_TRIM_THRESHOLD, 2 * MMAP_THRESHOLD_BYTES)
        mallopt(_M_TOP_PAD, _DEFAULT_TOP_PAD_BYTES)
        mallopt(_M_MMAP_MAX, _DEFAULT_MMAP_MAX)
        trim_native_memory()
