"""How the C library's allocator keeps memory: without these bounds a long document leaves hundreds of MiB unused."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

__all__ = ["bound_native_memory"]

# <malloc.h> of glibc.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

MAX_ARENAS = 2
"""glibc's own bound is eight arenas a core, and each keeps what the largest forward pass in it needed."""

MMAP_THRESHOLD_BYTES = 32 * 1024 * 1024
"""Blocks from this size on go back to the system when freed: the largest threshold that glibc takes
(``DEFAULT_MMAP_THRESHOLD_MAX`` in malloc.c). A lower one saves more memory (100 MiB of 1,500 at 4 MiB), but every
forward pass then pays for fresh pages: 0.3 s of system time more a page was measured."""


def bound_native_memory(environment: Mapping[str, str] | None = None) -> bool:
    """Bounds what glibc's malloc keeps for itself; to be called before threads start.

    A variable of the environment that sets the same (``MALLOC_ARENA_MAX``, ``MALLOC_MMAP_THRESHOLD_``,
    ``GLIBC_TUNABLES``) is left to whoever set it.

    Args:
        environment: the process's environment by default.

    Returns:
        Whether both bounds were set: not where the C library is another one.
    """
    environment = os.environ if environment is None else environment
    if {"MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"} & environment.keys():
        return False
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has no mallopt
        return False
    return bool(mallopt(_M_ARENA_MAX, MAX_ARENAS) and mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES))
