from __future__ import annotations

import numpy as np
from doctr.models.recognition.predictor._utils import split_crops
from doctr.utils.geometry import extract_crops
from doctr_serve.inference.stages.crops import MAX_CROPS_AT_ONCE, crop_groups, straight_piece_count

PAGE = np.zeros((3000, 2000, 3), np.uint8)


def straight_boxes(count: int, width: float, height: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    corners = rng.random((count, 2)) * (1 - width, 1 - height)
    return np.concatenate((corners, corners + np.array([width, height])), axis=1)


def turned(boxes: np.ndarray) -> np.ndarray:
    """The same boxes as four corners."""
    left, top, right, bottom = boxes.T
    return np.stack((left, top, right, top, right, bottom, left, bottom), axis=1).reshape(-1, 4, 2)


def test_words_are_cut_out_in_groups_of_a_batch_of_the_classifier() -> None:
    for boxes in (straight_boxes(300, 0.05, 0.01), turned(straight_boxes(300, 0.05, 0.01))):
        groups = list(crop_groups(PAGE, boxes))
        assert [(group.start, group.stop) for group in groups] == [(0, 128), (128, 256), (256, 300)]
        assert MAX_CROPS_AT_ONCE == 128


def test_crops_that_overlap_have_no_more_pixels_together_than_their_page() -> None:
    for boxes in (straight_boxes(20, 0.5, 0.45), turned(straight_boxes(20, 0.5, 0.45))):
        groups = list(crop_groups(PAGE, boxes))
        assert [group.stop - group.start for group in groups] == [4] * 5
        assert np.concatenate([boxes[group] for group in groups]).tolist() == boxes.tolist()


def test_a_crop_as_large_as_its_page_is_a_group_of_its_own() -> None:
    boxes = np.array([[0.0, 0.0, 1.0, 1.0]] * 3)
    assert [(group.start, group.stop) for group in crop_groups(PAGE, boxes)] == [(0, 1), (1, 2), (2, 3)]


def test_a_page_without_boxes_has_no_groups_and_no_pieces() -> None:
    assert not list(crop_groups(PAGE, np.zeros((0, 4))))
    assert straight_piece_count(PAGE, np.zeros((0, 4))) == 0


def test_the_pieces_of_a_page_are_known_from_its_boxes() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        page = np.zeros((*rng.integers(1, 400, 2), 3), np.uint8)
        first = rng.random((12, 2))
        boxes = np.concatenate((first, first + rng.random((12, 2)) * (1 - first) * (1, 0.05)), axis=1)
        boxes = boxes.astype(np.float32)
        crops = [crop for crop in extract_crops(page, boxes) if crop.size]
        assert straight_piece_count(page, boxes) == len(split_crops(crops, 8, 6, 0.5)[0])
