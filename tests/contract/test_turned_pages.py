"""Batches of pages that are turned upright: their memory is counted for as long as they are held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doctr_serve import Reader
from doctr_serve.inference.stages import turning
from doctr_serve.options import ReadingOptions
from support.pages import png, skewed
from support.server import settings_for

PAGES = 4


@pytest.fixture(scope="module")
def reader(weights_dir: Path) -> Iterator[Reader]:
    with Reader(settings_for(weights_dir)) as ready:
        yield ready


def held_bytes(reader: Reader) -> int:
    """Of the pages of all requests."""
    return reader._decoders._page_memory.held_bytes


@pytest.fixture(params=[False, True], ids=["plain", "way back"])
def options(request: pytest.FixtureRequest, reader: Reader) -> ReadingOptions:
    return reader.options(
        straighten_pages=True,
        preserve_original_coords=request.param,
        disable_page_orientation=True,
        detection_batch_size=PAGES - 1,  # the first page goes alone
    )


def test_upright_pages_are_counted_while_a_caller_takes_those_before_them(
    reader: Reader, options: ReadingOptions
) -> None:
    page = skewed()
    readings = reader.read([png(page)] * PAGES, options)
    next(readings)
    next(readings)
    waiting = PAGES - 2
    assert held_bytes(reader) > 1.5 * waiting * page.nbytes
    assert len(list(readings)) == waiting
    assert held_bytes(reader) == 0


def test_pages_that_are_too_large_together_are_read_one_by_one_with_the_same_words(
    reader: Reader, options: ReadingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [png(skewed(degrees)) for degrees in (8, -8, 5, 8)]
    together = [reading.page.export() for reading in reader.read(pages, options)]
    monkeypatch.setattr(turning, "MAX_UPRIGHT_PIXELS", 1)
    most_held = 0
    alone = []
    for reading in reader.read(pages, options):
        assert reading.error is None
        alone.append(reading.page.export())
        most_held = max(most_held, held_bytes(reader))
    assert most_held <= sum(skewed(degrees).nbytes for degrees in (-8, 5, 8))  # as they came
    for ours, theirs in zip(alone, together, strict=True):
        assert words_of(ours) == words_of(theirs)
        assert len(words_of(ours)) > 10


def words_of(page: dict) -> list[str]:
    return [word["value"] for block in page["blocks"] for line in block["lines"] for word in line["words"]]
