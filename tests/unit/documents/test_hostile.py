"""Files of a few hundred bytes that would take a server down: a page error in seconds, in little memory."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pikepdf
import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import DecodedPage, DecoderPool, SourceDocument
from doctr_serve.errors import DecoderCrashedError, DecoderTimeoutError
from PIL import Image
from support.samples import encoded, letter_pdf, saved

PICTURE = encoded(Image.new("RGB", (30, 20), "red"), "PNG")
SIZE = [0, 0, 90, 40]


def stream(document: pikepdf.Pdf, data: bytes, **entries) -> pikepdf.Object:
    made = document.make_stream(data)
    made.stream_dict.update(pikepdf.Dictionary(**entries))
    return made


def page_pdf(
    document: pikepdf.Pdf, operators: bytes | pikepdf.Object, box: list[int] | None = None, **resources
):
    contents = document.make_stream(operators) if isinstance(operators, bytes) else operators
    page = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=box or SIZE,
        Contents=contents,
        Resources=pikepdf.Dictionary(
            **{name: pikepdf.Dictionary(entry) for name, entry in resources.items()}
        ),
    )
    document.pages.append(pikepdf.Page(document.make_indirect(page)))
    return saved(document)


def form(document: pikepdf.Pdf, operators: bytes, **entries) -> pikepdf.Object:
    return stream(
        document, operators, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=SIZE, **entries
    )


def recursive_form(times: int, box: list[int] | None = None) -> bytes:
    """A form that draws itself ``times`` times."""
    document = pikepdf.new()
    made = form(document, b"/F Do " * times)
    made.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=made))
    return page_pdf(document, b"/F Do", box, XObject={"/F": made})


def form_tree(depth: int, width: int) -> bytes:
    """Forms that draw the next one ``width`` times each, ``depth`` levels deep."""
    document = pikepdf.new()
    made = form(document, b"0 0 1 1 re f")
    for _ in range(depth):
        made = form(
            document, b"/F Do " * width, Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=made))
        )
    return page_pdf(document, b"/F Do", XObject={"/F": made})


def tiling(step: float, box: list[int] | None = None) -> bytes:
    document = pikepdf.new()
    pattern = stream(
        document,
        b"0 0 1 1 re f",
        PatternType=1,
        PaintType=1,
        TilingType=1,
        BBox=box or SIZE,
        XStep=step,
        YStep=step,
        Resources=pikepdf.Dictionary(),
    )
    return page_pdf(document, b"/Pattern cs /P scn 0 0 9999 9999 re f", box, Pattern={"/P": pattern})


def operator_bomb() -> bytes:
    """A gigabyte of operators in a megabyte, packed twice."""
    document = pikepdf.new()
    contents = document.make_stream(b"")
    packed = zlib.compress(zlib.compress(b"0 0 1 1 re f " * 20_000_000, 9), 9)
    contents.write(packed, filter=[pikepdf.Name.FlateDecode] * 2)
    return page_pdf(document, contents)


HOSTILE = {
    "form that draws itself twice": recursive_form(2),
    "form that draws itself three times": recursive_form(3),
    "form that draws itself on a large page": recursive_form(2, [0, 0, 3500, 3500]),
    "tree of forms": form_tree(30, 4),
    "fine pattern": tiling(0.001),
    "finer pattern": tiling(0.00001),
    "fine pattern on a page of paper's size": tiling(0.001, [0, 0, 595, 842]),
    "gigabyte of operators": operator_bomb(),
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
