from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from doctr.io import read_pdf
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import SourceDocument
from doctr_serve.errors import DeadlineExceeded, RequestCancelled
from PIL import Image
from support.faulty_decoder import faulty
from support.samples import encoded, letter_pdf, letter_tiff

SMALL = (200, 100)
PICTURE = encoded(Image.new("RGB", (30, 20), "red"), "PNG")


def small_pdf(pages: int) -> bytes:
    return letter_pdf("Words", pages=pages, size_points=SMALL).content


def test_pages_come_in_the_order_of_the_documents_and_of_their_pages(read) -> None:
    tiff = letter_tiff(pages=2, width=310).content
    pages = read(small_pdf(3), PICTURE, tiff, small_pdf(2))
    assert [(page.reference.document_name, page.reference.page_number) for page in pages] == [
        *(("file-1", number) for number in (1, 2, 3)),
        ("file-2", 1),
        *(("file-3", number) for number in (1, 2)),
        *(("file-4", number) for number in (1, 2)),
    ]
    for page, expected in zip(pages[:3], read_pdf(small_pdf(3)), strict=True):
        np.testing.assert_array_equal(page.image, expected)
    for page, expected in zip(pages[-2:], read_pdf(small_pdf(2)), strict=True):
        np.testing.assert_array_equal(page.image, expected)


def test_every_page_is_known_before_one_is_decoded(make_pool, tmp_path: Path) -> None:
    fifo = tmp_path / "events"
    os.mkfifo(fifo)
    events = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    pool = make_pool(faulty(f"events:0:{fifo}"))
    with pool.open(
        [SourceDocument("a", small_pdf(4)), SourceDocument("b", PICTURE)], interrupt=Interrupt()
    ) as opened:
        assert [(page.height, page.width) for page in opened.references] == [(200, 400)] * 4 + [(20, 30)]
        time.sleep(0.2)
        assert os.read(events, 1000) == b""
    os.close(events)


def test_while_the_caller_works_on_a_page_the_next_one_is_decoded_and_no_further(
    make_pool, tmp_path: Path
) -> None:
    fifo = tmp_path / "events"
    os.mkfifo(fifo)
    events = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    pool = make_pool(faulty(f"events:0:{fifo}"))
    begun = b""
    with pool.open([SourceDocument("a", small_pdf(5))], interrupt=Interrupt()) as opened:
        for position, _ in enumerate(opened.decode(), start=1):
            expected = b"".join(b"%d\n" % number for number in range(1, min(position + 1, 5) + 1))
            deadline = time.monotonic() + 5
            while len(begun) < len(expected) and time.monotonic() < deadline:
                begun += read_available(events)
                time.sleep(0.01)
            time.sleep(0.1)
            begun += read_available(events)
            assert begun == expected
    os.close(events)


def read_available(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1000)
    except BlockingIOError:
        return b""


def test_a_slow_page_overlaps_with_the_callers_work(make_pool) -> None:
    pool = make_pool(faulty("slow:2:0.6"))
    pool.warm()
    with pool.open([SourceDocument("a", small_pdf(2))], interrupt=Interrupt()) as opened:
        pages = opened.decode()
        next(pages)
        time.sleep(0.9)
        started = time.monotonic()
        next(pages)
        assert time.monotonic() - started < 0.3


def resident_kib(process_id: int | str) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_memory_stays_flat_over_a_hundred_pages_in_server_and_decoder(make_pool) -> None:
    pool = make_pool()
    content = letter_pdf(pages=100).content
    server, decoder = [], []
    with pool.open([SourceDocument("a", content)], interrupt=Interrupt()) as opened:
        for _ in opened.decode():
            server.append(resident_kib("self"))
            decoder.append(resident_kib(opened.process_id))
    page_kib = 1684 * 1190 * 3 // 1024
    assert len(server) == 100
    for resident in (server, decoder):
        assert max(resident[10:]) - max(resident[:10]) < 3 * page_kib


def test_a_hundred_pages_are_opened_without_rendering_one(make_pool) -> None:
    pool = make_pool()
    pool.warm()
    content = letter_pdf(pages=100).content
    started = time.monotonic()
    with pool.open([SourceDocument("a", content)], interrupt=Interrupt()) as opened:
        assert time.monotonic() - started < 0.5
        assert len(opened.references) == 100


def cancel_after(interrupt: Interrupt, seconds: float) -> list[float]:
    """Cancels from another thread; returns a list that then holds the time."""
    cancelled_at: list[float] = []

    def cancel() -> None:
        cancelled_at.append(time.monotonic())
        interrupt.cancel()

    threading.Timer(seconds, cancel).start()
    return cancelled_at


def test_a_cancelled_call_stops_amid_a_page_and_the_pool_is_clean_for_the_next(make_pool, read) -> None:
    pool = make_pool(faulty("hang:2"))
    interrupt = Interrupt()
    with pool.open([SourceDocument("a", small_pdf(3))], interrupt=interrupt) as opened:
        pages = opened.decode()
        next(pages)
        process_id = opened.process_id
        cancelled_at = cancel_after(interrupt, 0.3)
        with pytest.raises(RequestCancelled):
            next(pages)
        assert time.monotonic() - cancelled_at[0] < 0.5
    assert not Path(f"/proc/{process_id}").exists(), "the decoder goes on with a page nobody wants"
    assert read(PICTURE, through=pool)[0].error is None


def test_a_caller_that_leaves_early_leaves_a_clean_pool(make_pool, read) -> None:
    pool = make_pool()
    pool.warm()
    process_ids = pool.idle_process_ids()
    for _ in range(3):
        with pool.open([SourceDocument("a", small_pdf(5))], interrupt=Interrupt()) as opened:
            next(opened.decode())
    (page,) = read(PICTURE, through=pool)
    assert page.image[0, 0].tolist() == [255, 0, 0]
    assert pool.idle_process_ids() == process_ids, "a page that was soon done cost a process"


def test_a_passed_deadline_stops_a_hanging_page(make_pool) -> None:
    pool = make_pool(faulty("hang:1"))
    pool.warm()
    started = time.monotonic()
    with (
        pool.open([SourceDocument("a", PICTURE)], interrupt=Interrupt(timeout_s=0.6)) as opened,
        pytest.raises(DeadlineExceeded),
    ):
        next(opened.decode())
    assert time.monotonic() - started < 2


def test_waiting_for_a_decoder_ends_when_the_caller_cancels_and_when_one_is_free(make_pool) -> None:
    pool = make_pool()
    interrupt = Interrupt()
    with pool.open([SourceDocument("a", PICTURE)], interrupt=Interrupt()) as opened:
        cancelled_at = cancel_after(interrupt, 0.2)
        with pytest.raises(RequestCancelled):
            pool.open([SourceDocument("b", PICTURE)], interrupt=interrupt)
        assert time.monotonic() - cancelled_at[0] < 0.5
        threading.Timer(0.2, opened.close).start()
        with pool.open([SourceDocument("c", PICTURE)], interrupt=Interrupt(timeout_s=10)) as after:
            assert next(after.decode()).error is None


def test_concurrent_requests_get_their_own_pages(make_pool, read) -> None:
    pool = make_pool(max_concurrent_requests=2)
    documents = {number: small_pdf(number) for number in (1, 2, 3, 4)}
    expected = {number: read_pdf(content) for number, content in documents.items()}

    def request(number: int) -> None:
        for _ in range(4):
            pages = read(documents[number], through=pool)
            assert len(pages) == number
            for page, image in zip(pages, expected[number], strict=True):
                np.testing.assert_array_equal(page.image, image)

    with ThreadPoolExecutor(4) as threads:
        for result in [threads.submit(request, number) for number in documents]:
            result.result(timeout=60)
    assert len(pool.idle_process_ids()) == 2


def test_documents_can_be_decoded_from_another_thread_than_they_were_opened_in(make_pool) -> None:
    pool = make_pool()
    with (
        pool.open([SourceDocument("a", small_pdf(3))], interrupt=Interrupt()) as opened,
        ThreadPoolExecutor(1) as other,
    ):
        assert len(other.submit(lambda: list(opened.decode())).result(timeout=30)) == 3
