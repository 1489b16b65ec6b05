"""The bounds on what glibc's malloc keeps."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
from doctr_serve.common.native_memory import bound_native_memory

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
