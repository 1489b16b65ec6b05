"""A large file is never in memory: measured in a process of its own, whose peak nothing else has raised."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

MIB = 1024 * 1024
CHILD = """
import asyncio, resource, sys
from doctr_serve_client import AsyncOCRClient, OCRClient

kind, server, small, huge = sys.argv[1:]

async def run_async():
    async with AsyncOCRClient(server) as client:
        await client.read(small)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await client.read(huge)
        return before

def run():
    with OCRClient(server) as client:
        client.read(small)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        client.read(huge)
        return before

before = asyncio.run(run_async()) if kind == "asyncio" else run()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)  # KiB on Linux
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
@pytest.mark.parametrize(("kind", "size_mib"), [("sync", 512), ("asyncio", 128)])
def test_memory_stays_flat_while_a_large_file_is_uploaded(server, book, tmp_path, kind, size_mib):
    huge = tmp_path / "huge.pdf"
    with huge.open("wb") as file:
        file.truncate(size_mib * MIB)  # sparse: takes no disk

    child = subprocess.run(
        [sys.executable, "-c", CHILD, kind, server.address, str(book), str(huge)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert child.returncode == 0, child.stderr
    assert server.service.calls[1].documents[0].size_bytes == size_mib * MIB
    assert int(child.stdout) < 32 * 1024
