"""The bounds on what glibc's malloc keeps."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
from doctr_serve.common.native_memory import IDLE_BEFORE_TRIM_S, IdleTrim, bound_native_memory

glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")

# Threads that allocate get an arena each unless arenas are bounded; malloc_info lists them as <heap nr=…>.
COUNT_ARENAS = """
import ctypes, sys, tempfile, threading
from doctr_serve.common.native_memory import bound_native_memory
assert "bound" not in sys.argv or bound_native_memory({})
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
gate = threading.Barrier(17)
def allocate():
    gate.wait()
    libc.malloc(100_000)
    gate.wait()
threads = [threading.Thread(target=allocate) for _ in range(16)]
for thread in threads: thread.start()
gate.wait()
gate.wait()
libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes, libc.fclose.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
with tempfile.NamedTemporaryFile() as file:
    stream = libc.fopen(file.name.encode(), b"w")
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(open(file.name).read().count("<heap nr="))
"""


def arenas(*arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", COUNT_ARENAS, *arguments], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@glibc_only
def test_threads_share_two_arenas_once_bounded() -> None:
    assert arenas() > 2
    assert arenas("bound") <= 2


def test_what_the_operator_set_in_the_environment_stands() -> None:
    assert not bound_native_memory({"MALLOC_ARENA_MAX": "4"})
    assert not bound_native_memory({"MALLOC_TRIM_THRESHOLD_": "131072"})


# What is freed between two blocks that stay is kept by malloc, page for page, until it is asked for.
FREE_BETWEEN_WHAT_STAYS = """
import ctypes, os
from doctr_serve.common.native_memory import bound_native_memory, trim_native_memory
bound_native_memory({})
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes, libc.memset.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
blocks = [libc.malloc(1 << 20) for _ in range(200)]
for block in blocks: libc.memset(block, 1, 1 << 20)
for block in blocks[:-1]: libc.free(block)
before = resident()
assert trim_native_memory()
print(before - resident())
"""


@glibc_only
def test_trimming_gives_freed_memory_back_to_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FREE_BETWEEN_WHAT_STAYS], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 150 * 1024 * 1024


def test_memory_is_trimmed_once_after_each_time_of_work_and_not_in_a_short_pause() -> None:
    now, trims = 0.0, []
    idle_trim = IdleTrim(lambda: trims.append(now), lambda: now)

    def pass_time(seconds: float, *, idle: bool) -> None:
        nonlocal now
        idle_trim.note(idle=idle)
        now += seconds
        idle_trim.note(idle=idle)

    pass_time(1.0, idle=False)
    pass_time(IDLE_BEFORE_TRIM_S / 2, idle=True)
    pass_time(1.0, idle=False)
    assert not trims, "a pause is no idleness"
    pass_time(IDLE_BEFORE_TRIM_S, idle=True)
    pass_time(100.0, idle=True)
    assert len(trims) == 1
    pass_time(1.0, idle=False)
    pass_time(IDLE_BEFORE_TRIM_S, idle=True)
    assert len(trims) == 2
