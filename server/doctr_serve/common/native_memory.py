"""How the C library's allocator keeps memory: without these bounds a long document leaves hundreds of MiB unused."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Mapping

__all__ = ["IdleTrim", "bound_native_memory", "trim_native_memory"]

# <malloc.h> of glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

MAX_ARENAS = 2
"""glibc's own bound is eight arenas a core, and each keeps what the largest forward pass in it needed."""

MMAP_THRESHOLD_BYTES = 32 * 1024 * 1024
"""Blocks from this size on go back to the system when freed: the largest threshold that glibc takes
(``DEFAULT_MMAP_THRESHOLD_MAX`` in malloc.c). A lower one saves more memory (100 MiB of 1,500 at 4 MiB), but every
forward pass then pays for fresh pages: 0.3 s of system time more a page was measured."""

TRIM_THRESHOLD_BYTES = 64 * 1024 * 1024
"""Free memory at an arena's end that stays until the server is idle. With a fixed ``M_MMAP_THRESHOLD`` glibc keeps to
128 KiB here (man 3 mallopt), and each page's pixels come as fresh memory, which the kernel fills with zeros first."""

_BOUNDS = {
    _M_ARENA_MAX: MAX_ARENAS,
    _M_MMAP_THRESHOLD: MMAP_THRESHOLD_BYTES,
    _M_TRIM_THRESHOLD: TRIM_THRESHOLD_BYTES,
}
THEIR_VARIABLES = frozenset(
    {"MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"}
)
"""Variables of the environment by which an operator sets the same."""

IDLE_BEFORE_TRIM_S = 2.0
"""A pause between two requests of one caller is no idleness: what it trims, the next request takes again."""


def bound_native_memory(environment: Mapping[str, str] | None = None) -> bool:
    """Bounds what glibc's malloc keeps for itself; to be called before threads start.

    A variable of the environment that sets the same (``MALLOC_ARENA_MAX``, ``MALLOC_MMAP_THRESHOLD_``,
    ``MALLOC_TRIM_THRESHOLD_``, ``GLIBC_TUNABLES``) is left to whoever set it.

    Args:
        environment: the process's environment by default.

    Returns:
        Whether the bounds were set: not where the C library is another one.
    """
    environment = os.environ if environment is None else environment
    if THEIR_VARIABLES & environment.keys():
        return False
    mallopt = _libc_function("mallopt")
    if mallopt is None:
        return False
    return all([mallopt(parameter, value) for parameter, value in _BOUNDS.items()])


def trim_native_memory() -> bool:
    """Gives what glibc's malloc has free back to the system; returns whether there was anything to give."""
    malloc_trim = _libc_function("malloc_trim")
    return malloc_trim is not None and bool(malloc_trim(ctypes.c_size_t(0)))


class IdleTrim:
    """Trims native memory once after each time of work, when nothing has been done for ``IDLE_BEFORE_TRIM_S``.

    Args:
        trim: gives memory back.
        clock: seconds that only ever grow.
    """

    def __init__(
        self, trim: Callable[[], object] = trim_native_memory, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._trim = trim
        self._clock = clock
        self._idle_since: float | None = None
        self._is_due = True  # what loading the models left

    def note(self, *, idle: bool) -> None:
        """Takes in whether there is work now; to be called a few times a second."""
        if not idle:
            self._idle_since, self._is_due = None, True
        elif self._idle_since is None:
            self._idle_since = self._clock()
        elif self._is_due and self._clock() - self._idle_since >= IDLE_BEFORE_TRIM_S:
            self._trim()
            self._is_due = False


def _libc_function(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):  # musl has neither
        return None
