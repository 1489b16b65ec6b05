from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from doctr.io import read_pdf
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import DecoderPool, SourceDocument
from doctr_serve.errors import (
    DeadlineExceeded,
    DecoderCrashedError,
    DecoderTimeoutError,
    InternalError,
    PageTooLargeError,
    RequestCancelled,
    ShuttingDownError,
    UnreadableDocumentError,
)
from doctr_serve.settings import Settings
from PIL import Image
from support.faulty_decoder import faulty
from support.samples import encoded, letter_image, letter_pdf, letter_png, letter_tiff

THREE_PAGES = letter_pdf("Words", pages=3, size_points=(200, 100)).content
PICTURE = encoded(Image.new("RGB", (30, 20), "red"), "PNG")


def assert_only_page_2_is_lost(pages, error: type[Exception]) -> None:
    assert [type(page.error) for page in pages] == [type(None), error, type(None)]
    assert (pages[1].image, pages[1].error.page_number) == (None, 2)
    for page, expected in zip(pages, read_pdf(THREE_PAGES), strict=True):
        if page.error is None:
            np.testing.assert_array_equal(page.image, expected)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("crash:2", DecoderCrashedError),
        ("exhaust:2", DecoderCrashedError),
        ("negative:2", DecoderCrashedError),
        ("lie:2", PageTooLargeError),
    ],
)
def test_a_fault_costs_only_its_page_and_the_pool_goes_on(make_pool, read, fault: str, error) -> None:
    pool = make_pool(faulty(fault))
    assert_only_page_2_is_lost(read(THREE_PAGES, through=pool), error)
    assert [page.error for page in read(PICTURE, PICTURE, through=pool)] == [None, None]


def test_a_hanging_page_costs_its_timeout_and_nothing_else(make_pool, read) -> None:
    pool = make_pool(faulty("hang:2"), page_decode_timeout_s=1.5)
    pool.warm()
    started = time.monotonic()
    assert_only_page_2_is_lost(read(THREE_PAGES, through=pool), DecoderTimeoutError)
    assert 1.5 <= time.monotonic() - started < 8


def test_every_page_of_a_document_may_crash_and_the_next_document_is_read(make_pool, read) -> None:
    pages = read(
        letter_pdf(pages=2).content,
        PICTURE,
        letter_pdf(pages=2).content,
        through=make_pool(faulty("crash:1")),
    )
    assert [type(page.error) for page in pages] == [
        DecoderCrashedError,
        type(None),
        DecoderCrashedError,  # Page 1 of the picture.
        DecoderCrashedError,
        type(None),
    ]


def test_a_document_that_crashes_when_opened_again_loses_its_remaining_pages_at_once(
    make_pool, read, tmp_path: Path
) -> None:
    pool = make_pool(faulty(f"reopen:2:{tmp_path / 'crashed'}"))
    pages = read(letter_pdf(pages=6).content, through=pool)
    assert pages[0].error is None
    assert [type(page.error) for page in pages[1:]] == [DecoderCrashedError] * 5
    assert [page.error.page_number for page in pages[1:]] == [2, 3, 4, 5, 6]
    assert "could not be opened a second time" in pages[5].error.message


def test_a_document_that_crashes_the_decoder_when_opened_is_refused_at_once(
    make_pool, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "crashed")
    pool = make_pool(faulty(f"reopen:2:{tmp_path / 'crashed'}"))
    with pytest.raises(DecoderCrashedError, match=r"'a.pdf': the decoder crashed on it") as caught:
        pool.open([SourceDocument("a.pdf", THREE_PAGES)], interrupt=Interrupt())
    assert caught.value.page_number is None


def test_a_picture_too_large_for_the_decoders_memory_is_an_error_and_no_crash_of_the_server(
    make_pool, read
) -> None:
    pool = make_pool(decoder_memory_bytes=160 * 2**20)
    large = encoded(Image.new("RGB", (6000, 6000)), "PNG", compress_level=1)
    pages = read(PICTURE, large, PICTURE, through=pool)
    assert [type(page.error) for page in pages] == [type(None), DecoderCrashedError, type(None)]
    assert "more memory than this server allows" in pages[1].error.message


@pytest.mark.parametrize(
    "content",
    [
        letter_png().content,
        encoded(Image.effect_noise((300, 300), 90).convert("RGB"), "WEBP"),
        encoded(letter_image(width=310), "TIFF"),  # Uncompressed: the directory comes first.
    ],
    ids=["png", "webp", "tiff"],
)
def test_a_picture_cut_short_is_known_by_its_header_and_lost_as_a_page(read, content: bytes) -> None:
    whole, cut = read(content, content[: len(content) * 2 // 3])
    assert whole.error is None
    assert isinstance(cut.error, UnreadableDocumentError)
    assert cut.error.page_number == 1
    assert (cut.reference.height, cut.reference.width) == whole.image.shape[:2]


def test_a_tiff_cut_short_keeps_its_first_pages(read) -> None:
    sample = letter_tiff(pages=4, compression="tiff_lzw", width=620)
    pages = read(sample.content[: len(sample.content) * 5 // 8])
    assert pages[0].error is None
    assert isinstance(pages[-1].error, UnreadableDocumentError)
    assert 2 <= len(pages) <= 4


def test_random_damage_never_takes_the_server_down(read) -> None:
    random = np.random.default_rng(0)
    originals = [
        sample.content for sample in (letter_png(width=310), letter_tiff(width=310), letter_pdf(pages=2))
    ]
    originals += [
        encoded(Image.new("RGB", (64, 64), "red"), image_format) for image_format in ("JPEG", "WEBP")
    ]
    outcomes = set()
    for original in originals * 8:
        damaged = np.frombuffer(original, np.uint8).copy()
        damaged[random.integers(16, len(damaged), 20)] = random.integers(0, 256, 20)
        try:
            outcomes |= {type(page.error) for page in read(damaged.tobytes())}
        except UnreadableDocumentError as error:
            outcomes.add(type(error))
        except PageTooLargeError:
            pass
    assert outcomes >= {type(None), UnreadableDocumentError}
    assert read(PICTURE)[0].error is None


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="priorities are Unix's")
def test_a_decoder_leaves_busy_cores_to_the_server(make_pool) -> None:
    pool = make_pool()
    pool.warm()
    (process_id, *_) = pool.idle_process_ids()
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, process_id) == min(19, own + 10)
    group = Path(f"/proc/{process_id}/autogroup")
    assert not group.exists() or group.read_text().split()[1:] == ["nice", "10"]


def test_a_process_that_dies_between_requests_is_replaced(make_pool, read) -> None:
    pool = make_pool()
    read(PICTURE, through=pool)
    (process_id,) = pool.idle_process_ids()
    os.kill(process_id, signal.SIGKILL)
    assert read(PICTURE, through=pool)[0].error is None
    assert pool.idle_process_ids() != [process_id]


def test_a_process_serves_many_requests_and_is_replaced_when_worn(make_pool, read) -> None:
    pool = make_pool(documents_per_process=4)
    seen = []
    for _ in range(6):
        assert read(PICTURE, through=pool)[0].error is None
        seen += pool.idle_process_ids()
    assert seen[0] == seen[1] == seen[2]
    assert len(set(seen)) == 2


def test_warm_starts_every_process_before_the_first_request(make_pool) -> None:
    pool = make_pool(max_concurrent_requests=2)
    assert pool.idle_process_ids() == []
    pool.warm()
    assert len(set(pool.idle_process_ids())) == 2


@pytest.mark.parametrize("fault", ["negative:2", "lie:2", "crash:2"])
def test_an_answer_that_nobody_took_costs_the_pool_no_process(make_pool, read, fault: str) -> None:
    pool = make_pool(faulty(fault), max_decoder_processes=1, max_concurrent_requests=1)
    for _ in range(2):
        with pool.open([SourceDocument("three.pdf", THREE_PAGES)], interrupt=Interrupt(20)) as opened:
            assert next(opened.decode()).error is None  # page 2 has been asked for
    assert read(PICTURE, through=pool)[0].error is None


def test_a_decoder_that_cannot_start_is_told_at_start(make_pool) -> None:
    pool = make_pool((sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(InternalError, match="decoder_memory_bytes"):
        pool.warm()


def test_a_closed_pool_has_no_processes_and_refuses_requests(make_pool) -> None:
    pool = make_pool()
    with pool.open([SourceDocument("a", PICTURE)], interrupt=Interrupt()):
        process_id = pool.seen[-1].process_id
        pool.close()
    assert pool.idle_process_ids() == []
    assert not Path(f"/proc/{process_id}").exists()
    with pytest.raises(ShuttingDownError):
        pool.open([SourceDocument("a", PICTURE)], interrupt=Interrupt())


def test_the_decoder_knows_neither_torch_nor_the_servers_secrets(
    make_pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTR_SERVE_SECRET", "swordfish")
    pool = make_pool()
    pool.warm()
    (process_id,) = pool.idle_process_ids()
    libraries = Path(f"/proc/{process_id}/maps").read_text()
    assert "pdfium" in libraries
    assert not [name for name in ("torch", "grpc", "cv2", "numpy") if name in libraries]
    assert b"swordfish" not in Path(f"/proc/{process_id}/environ").read_bytes()
    limits = Path(f"/proc/{process_id}/limits").read_text()
    assert any(
        line.startswith("Max address space") and str(Settings().decoder_memory_bytes) in line
        for line in limits.splitlines()
    )
    assert os.readlink(f"/proc/{process_id}/fd/0") == "/dev/null"


def test_ctrl_c_for_everyone_leaves_the_decoders_to_finish_their_requests(make_pool, read) -> None:
    pool = make_pool()
    pool.warm()
    (process_id,) = pool.idle_process_ids()
    for stop in (signal.SIGINT, signal.SIGTERM):
        os.kill(process_id, stop)
    assert read(PICTURE, through=pool)[0].error is None
    assert pool.idle_process_ids() == [process_id]


SERVER = """
import psutil, sys
from doctr_serve.documents import DecoderPool
from doctr_serve.settings import Settings
pool = DecoderPool(Settings(max_concurrent_requests=2))
pool.warm()
print(*(child.pid for child in psutil.Process().children()), flush=True)
sys.stdin.read()
"""


def test_decoders_end_when_the_server_is_killed() -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process_ids = [int(number) for number in server.stdout.readline().split()]
    assert len(process_ids) == 2
    assert all(is_running(process_id) for process_id in process_ids)
    server.kill()
    server.communicate()
    deadline = time.monotonic() + 5
    while any(is_running(process_id) for process_id in process_ids):
        assert time.monotonic() < deadline, "a decoder outlived its server"
        time.sleep(0.05)


def is_running(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_importing_the_documents_does_not_load_torch_or_a_parser() -> None:
    unwanted = ("torch", "PIL", "pypdfium2", "grpc")
    code = f"import doctr_serve.documents, sys; print([name for name in {unwanted} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_no_file_descriptor_or_process_is_left_behind(make_pool, read) -> None:
    pool: DecoderPool = make_pool(faulty("crash:2"))
    read(THREE_PAGES, through=pool)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        read(THREE_PAGES, PICTURE, through=pool)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("stop", ["deadline", "cancel", "page timeout"])
def test_a_decoder_that_answers_byte_by_byte_evades_no_limit(make_pool, stop: str) -> None:
    """A page of 60,000 bytes, one every 4 ms, would take four minutes."""
    pool = make_pool(faulty("drip:2:0.004"), page_decode_timeout_s=0.5 if stop == "page timeout" else 30.0)
    interrupt = Interrupt(2.0 if stop == "deadline" else None)
    documents = [SourceDocument("two.pdf", letter_pdf(pages=2, size_points=(50, 50)).content)]
    with pool.open(documents, interrupt=interrupt) as opened:
        pages = opened.decode()
        assert next(pages).error is None
        started = time.monotonic()
        if stop == "cancel":
            threading.Timer(0.3, interrupt.cancel).start()
        if stop == "page timeout":
            assert isinstance(next(pages).error, DecoderTimeoutError)
        else:
            with pytest.raises(DeadlineExceeded if stop == "deadline" else RequestCancelled):
                next(pages)
    assert time.monotonic() - started < 10
