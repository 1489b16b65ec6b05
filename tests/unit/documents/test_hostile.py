"""Files of a few hundred bytes that would take a server down: a page error in seconds, in little memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import DecodedPage, DecoderPool, SourceDocument
from doctr_serve.errors import DecoderCrashedError, DecoderTimeoutError
from PIL import Image
from support.samples import encoded, letter_pdf

from benchmarks.hostile.pdf_files import A4, form_tree, operator_bomb, recursive_form, tiling

PICTURE = encoded(Image.new("RGB", (30, 20), "red"), "PNG")
SIZE = [0, 0, 90, 40]


HOSTILE = {
    "form that draws itself twice": recursive_form(2, SIZE),
    "form that draws itself three times": recursive_form(3, SIZE),
    "form that draws itself on a large page": recursive_form(2, [0, 0, 3500, 3500], form_box=SIZE),
    "tree of forms": form_tree(30, 4, SIZE),
    "fine pattern": tiling(0.001, SIZE),
    "finer pattern": tiling(0.00001, SIZE),
    "fine pattern on a page of paper's size": tiling(0.001, A4),
    "gigabyte of operators": operator_bomb(SIZE),
}


@contextmanager
def peak_mib_of_decoders() -> Iterator[list[int]]:
    """Watches this process's children; yields a list that then holds the most memory that one of them had."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for children in Path("/proc/self/task").glob("*/children"):
                for child in children.read_text().split():
                    try:
                        # Before it becomes a decoder, a child is a copy of this process with this one's memory.
                        is_decoder = b"doctr_serve.decoder" in Path(f"/proc/{child}/cmdline").read_bytes()
                        status = Path(f"/proc/{child}/status").read_text()
                    except OSError:
                        continue
                    if is_decoder and "VmHWM:" in status:
                        peak[0] = max(peak[0], int(status.split("VmHWM:")[1].split()[0]) // 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def decoded(pool: DecoderPool, content: bytes) -> list[DecodedPage]:
    with pool.open([SourceDocument("hostile", content)], interrupt=Interrupt()) as opened:
        return list(opened.decode())


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_pdf_costs_seconds_and_little_memory(make_pool, kind: str) -> None:
    pool = make_pool()
    pool.warm()
    started = time.monotonic()
    with peak_mib_of_decoders() as peak:
        (page,) = decoded(pool, HOSTILE[kind])
    assert isinstance(page.error, DecoderCrashedError | DecoderTimeoutError)
    assert time.monotonic() - started < 15, "processor time is a third of that on an idle machine"
    assert 0 < peak[0] < 300
    (after,) = decoded(pool, PICTURE)
    assert after.error is None


def test_an_ordinary_page_takes_a_fraction_of_its_budget(make_pool) -> None:
    pool = make_pool()
    pool.warm()
    with peak_mib_of_decoders() as peak:
        (page,) = decoded(pool, letter_pdf().content)
    assert page.error is None
    assert peak[0] < 100


AT_THE_LIMIT = {
    "png": encoded(Image.new("RGB", (7070, 7070), "red"), "PNG", compress_level=1),
    "progressive jpeg": encoded(
        Image.new("RGB", (7070, 7070), "red"), "JPEG", progressive=True, subsampling=0
    ),
    "webp": encoded(Image.new("RGB", (7070, 7070), "red"), "WEBP", quality=1, method=0),
    "tiff": encoded(Image.new("RGBA", (7070, 7070), "red"), "TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("kind", AT_THE_LIMIT)
def test_a_page_at_the_pixel_limit_has_room(make_pool, kind: str) -> None:
    pool = make_pool()
    (page,) = decoded(pool, AT_THE_LIMIT[kind])
    assert page.error is None
    assert page.image.shape == (7070, 7070, 3)
