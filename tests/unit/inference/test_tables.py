"""Which tables are cut out, and in how much memory their words are found."""

from __future__ import annotations

import time
import tracemalloc
from unittest import mock

import numpy as np
import pytest
from doctr.models.builder import DocumentBuilder
from doctr.models.predictor import OCRPredictor
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import RequestCancelled
from doctr_serve.inference.stages import tables
from doctr_serve.inference.stages.page_builder import PageBuilder
from doctr_serve.inference.stages.tables import MAX_CANVAS_PIXELS, MAX_SCALE_OF_CANVAS, surest, table_regions


def regions(*boxes: np.ndarray, scores: list[float] | None = None) -> dict:
    return {
        "class_names": ["Table"] * len(boxes),
        "boxes": np.stack(boxes).astype(np.float32),
        "scores": scores or [0.9] * len(boxes),
    }


def canvas_of(box: np.ndarray, page_shape: tuple[int, int]) -> int:
    """Pixels of what docTR cuts out of a page for a table."""
    seen: list[np.ndarray] = []
    predictor = mock.Mock(table_class_name="Table", table_predictor=lambda crops: seen.extend(crops) or [])
    OCRPredictor._tables_from_regions(predictor, [np.zeros((*page_shape, 3), np.uint8)], [regions(box)])
    (crop,) = seen
    return crop.shape[0] * crop.shape[1]


BOXES = {
    "straight": np.array([0.1, 0.1, 0.9, 0.9]),
    "the whole page": np.array([0.0, 0.0, 1.0, 1.0]),
    "turned": np.array([[0.3, 0.1], [0.9, 0.3], [0.7, 0.9], [0.1, 0.7]]),
    "cut off at a corner": np.array([[0.0, 0.0], [1.0, 0.9], [1.0, 1.0], [0.9, 1.0]]),
}


@pytest.mark.parametrize("box", BOXES.values(), ids=list(BOXES))
@pytest.mark.parametrize("page_shape", [(800, 600), (3000, 300), (100, 20_000), (7, 30_000)])
def test_a_table_is_cut_out_where_its_canvas_is_within_what_is_counted(
    box: np.ndarray, page_shape: tuple[int, int]
) -> None:
    counted = MAX_SCALE_OF_CANVAS * page_shape[0] * page_shape[1] + MAX_CANVAS_PIXELS
    taken = table_regions(regions(box), page_shape)
    assert bool(taken) == (canvas_of(box, page_shape) <= counted)


def test_the_surest_tables_are_taken_in_their_order() -> None:
    found = [
        regions(box, scores=[score])
        for box, score in zip([BOXES["turned"]] * 4, [0.5, 0.9, 0.6, 0.8], strict=True)
    ]
    assert [table["scores"] for table in surest(found, 2)] == [[0.9], [0.8]]
    assert surest(found, 9) == found


def grid(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points, and cells of a grid."""
    generator = np.random.default_rng(1)
    corners = generator.random((count, 1, 2)) * 0.9
    return generator.random((2 * count, 2)), corners + np.array([[0, 0], [0.1, 0], [0.1, 0.1], [0, 0.1]])


def test_words_are_found_in_cells_as_doctr_finds_them_in_a_part_of_its_memory() -> None:
    points, cells = grid(1500)
    expected = DocumentBuilder._points_in_polygons(points, cells)
    builder = PageBuilder(Interrupt())
    tracemalloc.start()
    inside = builder._points_in_polygons(points, cells)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(inside, expected)
    assert inside.any()
    assert peak < 64 * 2**20  # docTR's own takes 315 MB here


def test_a_cancelled_request_stops_between_words() -> None:
    interrupt = Interrupt()
    interrupt.cancel()
    with pytest.raises(RequestCancelled):
        PageBuilder(interrupt)._points_in_polygons(*grid(10))


def test_cells_of_noise_are_not_moved_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many cells and corners as docTR keeps, each beside each."""
    generator = np.random.default_rng(2)
    quadrilateral = np.array([0, 0, 250, 0, 250, 250, 0, 250], np.float32)
    decoded = {
        "center_polygons": (quadrilateral + generator.random((3000, 8)).astype(np.float32))[None],
        "center_scores": np.full((1, 3000), 0.9, np.float32),
        "center_spans": np.ones((1, 3000, 2), np.float32),
        "corner_polygons": (quadrilateral + generator.random((5000, 8)).astype(np.float32))[None],
        "corner_scores": np.full((1, 5000), 0.9, np.float32),
        "corner_points": generator.random((1, 5000, 2)).astype(np.float32) * 250,
        "corner_logics": np.ones((1, 5000, 2), np.float32),
        "lc": np.ones((1, 2, 256, 256), np.float32),
        "feat_size": (256, 256),
    }
    started = time.perf_counter()
    (cells,) = tables._BoundedPostProcessor()(decoded)
    assert len(cells["scores"]) == 3000
    assert time.perf_counter() - started < 10  # docTR's own loop takes minutes: 15 million pairs
