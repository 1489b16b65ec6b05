"""What bounds a form, and hostile ones that look for what does not."""

from __future__ import annotations

import contextlib
import time

import pytest
from doctr_serve.errors import InvalidRequestError, RequestTooLargeError
from support.forms import BOUNDARY, EMPTY_INPUT, MIB, body, file_part, part, read, reader


def test_a_preamble_without_an_end_is_not_collected():
    with reader() as form:
        for _ in range(8):
            form.feed(b"x" * 1024)
        with pytest.raises(InvalidRequestError, match="is not in it"):
            form.feed(b"x")


def test_a_page_may_have_many_file_inputs_that_were_left_empty():
    assert read(body(*[EMPTY_INPUT] * 60, file_part("a.png", b"x"))) == [("a.png", b"x", "")]


def test_parts_without_end_are_refused_however_little_they_hold():
    with reader(max_documents=8) as form:
        form.feed(EMPTY_INPUT * 72)
        with pytest.raises(RequestTooLargeError, match="more than 72 parts"):
            form.feed(EMPTY_INPUT)


@pytest.mark.parametrize(
    "hostile",
    [
        EMPTY_INPUT * 300_000,
        part('name="files"; filename=""', b"", *["a: b"] * 7) * 100_000,
        part('name="files"; ' + "filename*;" * 800, b"") * 1000,
        part('name="files"; filename=' + '"\\' * 2000, b"") * 1000,
        part('name="files"; filename="a"', b"", "X: " + "y" * 8000) * 1000,
        part('name="files"; filename="a"', (b"\r\n--" + BOUNDARY.encode() + b"x") * 100_000),
        b"\r\n" * 2_000_000,
        (b"--" + BOUNDARY.encode() + b"x") * 200_000,
    ],
    ids=[
        "inputs",
        "lines",
        "parameters",
        "quotes",
        "headers",
        "near boundaries",
        "newlines",
        "no boundaries",
    ],
)
def test_hostile_bodies_cost_about_as_little_time_as_their_bytes(hostile):
    started = time.process_time()
    with contextlib.suppress(InvalidRequestError, RequestTooLargeError), reader(max_bytes=200 * MIB) as form:
        for start in range(0, len(hostile), 8 * MIB):
            form.feed(hostile[start : start + 8 * MIB])
        form.finish()
    assert time.process_time() - started < 2


def test_a_body_of_exactly_the_limit_passes_and_one_byte_more_is_refused_as_it_arrives():
    whole = body(file_part("a.png", b"x" * 1000))
    assert read(whole, max_bytes=len(whole))
    with reader(max_bytes=len(whole) - 1) as form:
        form.feed(whole[:-1])
        with pytest.raises(RequestTooLargeError, match=f"larger than {len(whole) - 1} bytes"):
            form.feed(whole[-1:])


def test_one_document_too_many_is_refused_before_its_bytes_are_kept():
    with reader(max_documents=2) as form:
        form.feed(file_part("a.png", b"x") + file_part("b.png", b"x"))
        with pytest.raises(RequestTooLargeError, match="more than 2 documents"):
            form.feed(file_part("c.png", b"x" * 100)[:-50])
