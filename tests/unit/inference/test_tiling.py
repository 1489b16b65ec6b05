"""Tiles cover a page, and their boxes become those of the page: each word once, and whole."""

from __future__ import annotations

import numpy as np
import pytest
from doctr_serve.inference.stages.tiling import MAX_TILES, Tile, merged, tile_shapes, tiles

PAGE = (1000, 4000)
LEFT, RIGHT = Tile(0, 0, 1000, 1500), Tile(0, 1200, 1000, 1500)


@pytest.mark.parametrize(
    "shape", [(12_000, 700), (700, 12_000), (65_535, 8), (8, 65_535), (9933, 14_043), (1500, 1000)]
)
def test_tiles_of_every_size_cover_the_page_and_are_not_too_many(shape: tuple[int, int]) -> None:
    shapes = list(tile_shapes(shape))
    assert shapes
    for tile_shape in shapes:
        parts = tiles(shape, tile_shape)
        assert 1 < len(parts) <= MAX_TILES
        covered = np.zeros((shape[0] // 7 + 1, shape[1] // 7 + 1), bool)
        for tile in parts:
            assert 0 <= tile.top <= tile.top + tile.height <= shape[0]
            assert 0 <= tile.left <= tile.left + tile.width <= shape[1]
            rows = slice(-(-tile.top // 7), -(-(tile.top + tile.height) // 7))
            covered[rows, -(-tile.left // 7) : -(-(tile.left + tile.width) // 7)] = True
        height, width = shape
        assert covered[: -(-height // 7), : -(-width // 7)].all()


def test_each_is_smaller_than_the_one_before() -> None:
    areas = [height * width for height, width in tile_shapes((9933, 14_043))]
    assert areas == sorted(areas, reverse=True)


def test_a_long_page_is_cut_into_parts_of_papers_shape_first() -> None:
    assert next(tile_shapes((12_000, 700))) == (1050, 700)
    assert next(tile_shapes((700, 12_000))) == (700, 1050)


def test_a_page_that_holds_no_text_has_none() -> None:
    assert list(tile_shapes((20_000, 3))) == []


def of_tile(tile: Tile, *boxes: tuple[float, float, float, float], turned: bool = False) -> np.ndarray:
    """Boxes in pixels of the page, relative to the tile, which cuts what is beyond it."""
    offset, size = (tile.left, tile.top) * 2, (tile.width, tile.height) * 2
    relative = np.clip((np.array(boxes, float).reshape(-1, 4) - offset) / size, 0, 1).astype(np.float32)
    return relative[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2) if turned else relative


def on_page(
    left: list[tuple[float, ...]], right: list[tuple[float, ...]], *, turned: bool = False
) -> list[list[int]]:
    """What is left of these boxes, in pixels: the corners' bounds where they are turned."""
    boxes = [of_tile(LEFT, *left, turned=turned), of_tile(RIGHT, *right, turned=turned)]  # type: ignore[arg-type]
    found, scores = merged(
        PAGE, [LEFT, RIGHT], boxes, [np.full(len(side), 0.5, np.float32) for side in boxes]
    )
    assert found.dtype == np.float32
    assert len(scores) == len(found)
    if turned:
        assert found.shape[1:] == (4, 2)
        found = np.concatenate([found.min(axis=1), found.max(axis=1)], axis=1)
    return sorted(np.rint(found * ((PAGE[1], PAGE[0]) * 2)).astype(int).tolist())


WORD = (1250, 100, 1400, 140)
LONG = (1100, 100, 1900, 140)


@pytest.mark.parametrize("turned", [False, True])
def test_a_word_that_two_tiles_have_is_there_once(turned: bool) -> None:
    assert on_page([WORD], [(1252, 101, 1401, 141)], turned=turned) in (
        [list(WORD)],
        [[1252, 101, 1401, 141]],
    )


@pytest.mark.parametrize("turned", [False, True])
def test_a_word_that_one_tile_cuts_is_the_whole_one_of_the_other(turned: bool) -> None:
    whole = (1400, 100, 1600, 140)
    assert on_page([whole], [whole], turned=turned) == [list(whole)]


@pytest.mark.parametrize("turned", [False, True])
def test_a_word_longer_than_the_overlap_is_put_together(turned: bool) -> None:
    (word,) = on_page([LONG], [LONG], turned=turned)
    assert word == pytest.approx(list(LONG), abs=1)


def test_words_of_different_lines_stay_apart() -> None:
    below = (1100, 150, 1900, 190)
    assert on_page([LONG, below], [LONG, below]) == [list(LONG), list(below)]


def test_words_of_one_tile_stay_as_they_are_even_where_they_overlap() -> None:
    inside = (1260, 105, 1390, 135)
    assert on_page([WORD, inside], []) == [list(WORD), list(inside)]


def test_a_word_found_in_two_parts_by_one_tile_and_whole_by_the_other_is_whole() -> None:
    parts = [(1250, 100, 1320, 140), (1322, 100, 1400, 140)]
    assert on_page([WORD], parts) == [list(WORD)]  # type: ignore[arg-type]


def test_a_word_at_the_edge_of_the_page_is_not_cut() -> None:
    edge = (0, 100, 90, 140)
    assert on_page([edge], []) == [list(edge)]


@pytest.mark.parametrize("turned", [False, True])
def test_tiles_without_words_have_none(turned: bool) -> None:
    assert on_page([], [], turned=turned) == []
