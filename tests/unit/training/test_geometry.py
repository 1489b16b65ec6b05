"""Pictures keep their aspect in a square, and points on them move along."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("cv2")


@pytest.fixture
def geometry(training_path: None) -> ModuleType:
    return importlib.import_module("synth.geometry")


@pytest.mark.parametrize(("h", "w"), [(40, 100), (100, 40), (7, 31), (64, 64), (300, 200)])
def test_points_of_a_picture_move_with_it(geometry: ModuleType, h: int, w: int) -> None:
    boxed, scale, offset = geometry.letterbox(np.full((h, w, 3), 200, np.uint8), 64, round)
    assert boxed.shape == (64, 64, 3)
    rows, columns = boxed[..., 0].nonzero()
    corners = np.array([[0, 0], [w, h]], np.float32) * scale + offset
    assert corners[0] == pytest.approx([columns.min(), rows.min()])
    assert corners[1] == pytest.approx([columns.max() + 1, rows.max() + 1])
    assert max(np.ptp(rows), np.ptp(columns)) == 63
    assert abs(corners.mean(0) - 32).max() <= 0.5


def test_a_grey_picture_becomes_one_of_three_channels(geometry: ModuleType) -> None:
    boxed, _, _ = geometry.letterbox(np.full((10, 20), 200, np.uint8), 40)
    assert (boxed[10:30] == 200).all()
    assert not boxed[:10].any()


@pytest.mark.parametrize(("whole", "rows"), [(int, 19), (round, 20)])
def test_sides_are_rounded_as_asked(geometry: ModuleType, whole: type[int], rows: int) -> None:
    boxed, _, _ = geometry.letterbox(np.full((39, 99, 3), 200, np.uint8), 50, whole)
    assert boxed.any((1, 2)).sum() == rows
