"""Pages that cost much for their size: an error that names the limit, and the other pages go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from doctr_serve.catalog import ModelTask
from doctr_serve.v1 import ocr_pb2
from support.pages import blank, png, short_pdf, skewed
from support.server import Service, failure_of, running, settings_for
from support.watched import Watched, watched_service

MAX_WORDS = 60
INVALID = 3
"""google.rpc.Code.INVALID_ARGUMENT."""


@pytest.fixture(scope="module")
def _bounded(weights_dir: Path) -> Iterator[Watched]:
    with watched_service(weights_dir, max_concurrent_requests=2, max_words_per_page=MAX_WORDS) as watched:
        yield watched


@pytest.fixture
def bounded(_bounded: Watched) -> Iterator[Watched]:
    """A server that takes pages of few words."""
    with _bounded.lent() as lent:
        yield lent


def dots() -> np.ndarray:
    """Nothing but black squares, as the detection network of the small engine sees them: hundreds of words."""
    page = np.full((256, 256, 3), 255, np.uint8)
    for row in range(6):
        for column in range(6):
            page[row::12, column::12] = 0
    return page


def reason_of(result: ocr_pb2.PageResult) -> str:
    from google.rpc import error_details_pb2

    info = error_details_pb2.ErrorInfo()
    assert result.error.details[0].Unpack(info)
    return info.reason


@pytest.mark.parametrize("straight", [True, False])
def test_a_page_of_too_many_words_is_refused_by_name_number_and_limit(
    bounded: Watched, straight: bool
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        bounded.service.stream(
            ocr_pb2.Document(name="dots.png", content=png(dots())), assume_straight_pages=straight
        )
    failure = failure_of(caught.value)
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "TOO_MANY_WORDS"
    assert failure.message.startswith("'dots.png', page 1: has ")
    assert f"a page may have {MAX_WORDS} (max_words_per_page)" in failure.message
    assert not bounded.runtime.batch_sizes(ModelTask.RECOGNITION)


def test_the_other_pages_of_its_batch_go_on(bounded: Watched) -> None:
    results = bounded.service.stream(
        short_pdf(1), png(blank()), png(dots()), short_pdf(1), detection_batch_size=4
    )
    assert [result.HasField("error") for result in results] == [False, False, True, False]
    assert (results[2].error.code, reason_of(results[2])) == (INVALID, "TOO_MANY_WORDS")
    assert results[0].pages[0].blocks
    assert results[3].pages[0].blocks


@pytest.mark.parametrize("shape", [(4, 70_000), (70_000, 4), (1, 20_000)])
def test_a_page_of_an_extreme_shape_is_refused_by_its_shape_and_the_limit(
    bounded: Watched, shape: tuple[int, int]
) -> None:
    """Of a page of 3,000,000 x 4 pixels docTR made a million pieces, and over 10 GB."""
    results = bounded.service.stream(png(np.full((*shape, 3), 255, np.uint8)), png(blank()))
    assert [result.HasField("error") for result in results] == [True, False]
    assert (results[0].error.code, reason_of(results[0])) == (INVALID, "PAGE_SHAPE")
    assert f"{shape[1]} x {shape[0]} pixels" in results[0].error.message
    assert bounded.runtime.batch_sizes(ModelTask.DETECTION) == [1]


@pytest.mark.parametrize("keeps_way_back", [False, True])
@pytest.mark.parametrize("shape", [(20_000, 3), (3, 20_000), (6000, 800)])
def test_a_black_page_straightened_is_a_page_without_words(
    bounded: Watched, shape: tuple[int, int], keeps_way_back: bool
) -> None:
    """docTR's second padding asked for 7 TiB."""
    black = png(np.zeros((*shape, 3), np.uint8))
    options = {"straighten_pages": True, "preserve_original_coords": keeps_way_back}
    (result,) = bounded.service.stream(black, detect_orientation=True, **options)
    assert not result.HasField("error"), result.error
    assert not result.pages[0].blocks


def test_boxes_of_a_page_that_was_scaled_down_to_be_straightened_lie_where_its_words_are(
    service: Service, weights_dir: Path
) -> None:
    options = {"straighten_pages": True, "preserve_original_coords": True, "disable_page_orientation": True}
    page = skewed()
    (whole,) = service.stream(png(page), **options)
    # Room for the page, and not for the canvas on which it is turned.
    max_page_pixels = page.shape[0] * page.shape[1]
    with running(settings_for(weights_dir, max_page_pixels=max_page_pixels)) as narrow:
        (scaled,) = narrow.stream(png(page), **options)
    assert [warning.code for warning in whole.warnings] == []
    assert [warning.code for warning in scaled.warnings] == ["PAGE_SCALED_DOWN"]
    assert list(scaled.dimensions) == list(whole.dimensions) == list(page.shape[:2])
    places = {value: box for value, box in boxes_of(whole) if len(value) > 5}
    shared = [(box, places[value]) for value, box in boxes_of(scaled) if value in places]
    assert len(shared) > 10
    assert np.median(np.abs(np.subtract(*zip(*shared, strict=True))), axis=0).max() < 0.01


def boxes_of(result: ocr_pb2.PageResult) -> list[tuple[str, list[float]]]:
    """Texts of the words with their boxes."""
    lines = [line for page in result.pages for block in page.blocks for line in block.lines]
    return [(word.value, list(word.geometry)) for line in lines for word in line.words]
