"""A decoder that dies or stands still is the file's fault only when it happens again in a fresh process."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from doctr.io import read_pdf
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.documents import SourceDocument
from doctr_serve.errors import DecoderCrashedError, DecoderTimeoutError
from support.faulty_decoder import faulty
from support.samples import letter_pdf

THREE_PAGES = letter_pdf("Words", pages=3, size_points=(200, 100)).content


@pytest.mark.parametrize("fault", ["kill:2", "kill:1", "stop:2", "openkill:0"])
def test_a_process_that_the_system_killed_or_stopped_costs_no_page(
    make_pool, read, tmp_path: Path, fault: str
) -> None:
    pool = make_pool(faulty(f"{fault}:{tmp_path / 'once'}"), page_decode_timeout_s=1.5)
    pages = read(THREE_PAGES, through=pool)
    assert [page.error for page in pages] == [None] * 3
    for page, expected in zip(pages, read_pdf(THREE_PAGES), strict=True):
        np.testing.assert_array_equal(page.image, expected)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_an_idle_process_killed_or_stopped_amid_a_request_costs_no_page(make_pool, number: int) -> None:
    pool = make_pool(page_decode_timeout_s=1.5)
    with pool.open([SourceDocument("a", THREE_PAGES)], interrupt=Interrupt()) as opened:
        pages = opened.decode()
        assert next(pages).error is None
        os.kill(opened.process_id, number)
        assert [page.error for page in pages] == [None, None]


def test_a_process_stopped_while_it_opens_a_document_costs_no_document(make_pool) -> None:
    pool = make_pool(page_decode_timeout_s=1.5)
    pool.warm()
    (process_id,) = pool.idle_process_ids()
    os.kill(process_id, signal.SIGSTOP)
    with pool.open([SourceDocument("a", THREE_PAGES)], interrupt=Interrupt()) as opened:
        assert [page.error for page in opened.decode()] == [None] * 3


def test_a_stopped_process_that_goes_on_in_time_is_not_replaced(make_pool) -> None:
    pool = make_pool(page_decode_timeout_s=10)
    pool.warm()
    (process_id,) = pool.idle_process_ids()
    os.kill(process_id, signal.SIGSTOP)
    threading.Timer(0.5, os.kill, (process_id, signal.SIGCONT)).start()
    with pool.open([SourceDocument("a", THREE_PAGES)], interrupt=Interrupt()) as opened:
        assert [page.error for page in opened.decode()] == [None] * 3
        assert opened.process_id == process_id


def test_a_page_that_crashes_the_decoder_twice_is_blamed(make_pool, read) -> None:
    pages = read(THREE_PAGES, through=make_pool(faulty("crash:2")))
    assert [type(page.error) for page in pages] == [type(None), DecoderCrashedError, type(None)]


def test_a_page_that_never_ends_is_blamed_after_its_second_try(make_pool, read) -> None:
    started = time.monotonic()
    pages = read(THREE_PAGES, through=make_pool(faulty("hang:2"), page_decode_timeout_s=1.0))
    assert [type(page.error) for page in pages] == [type(None), DecoderTimeoutError, type(None)]
    assert 2.0 <= time.monotonic() - started < 8


def test_a_page_that_computes_without_end_is_blamed_at_once(make_pool, read) -> None:
    started = time.monotonic()
    pages = read(THREE_PAGES, through=make_pool(faulty("spin:2"), page_decode_timeout_s=6))
    assert [type(page.error) for page in pages] == [type(None), DecoderTimeoutError, type(None)]
    assert time.monotonic() - started < 5, "processor time, and tried once"
    assert "the share of them that a page of its size is worth" in pages[1].error.message
