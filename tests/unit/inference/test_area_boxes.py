"""Boxes of the areas of a probability map: docTR's own, to the last digit, on maps of every kind of area."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from doctr.models.detection.differentiable_binarization.base import DBPostProcessor
from doctr.models.detection.fast.base import FASTPostProcessor
from doctr.models.detection.linknet.base import LinkNetPostProcessor
from doctr_serve.catalog import CatalogEntry, ModelTask, WeightsSource
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import RequestCancelled
from doctr_serve.inference.model_spec import ModelSpec
from doctr_serve.inference.postprocessing import detection_postprocessor
from doctr_serve.options import ReadingOptions

DOCTRS = {
    "db_mobilenet_v3_large": DBPostProcessor,
    "fast_tiny": FASTPostProcessor,
    "linknet_resnet18": LinkNetPostProcessor,
}


def words_map(seed: int, height: int = 300, width: int = 400) -> np.ndarray:
    """Rectangles, straight and turned, as words are: some at the edges, some in others, weak ones and tiny ones."""
    rng = np.random.default_rng(seed)
    probabilities = np.zeros((height, width), np.float32)
    for _ in range(60):
        centre = tuple(rng.integers(0, (width, height)).tolist())
        sides = tuple(rng.integers(1, (90, 20)).tolist())
        corners = cv2.boxPoints((centre, sides, rng.choice((0.0, 0.0, rng.uniform(-90, 90)))))
        cv2.fillPoly(probabilities, [corners.astype(np.int32)], float(rng.uniform(0.05, 1)))
    return probabilities * rng.uniform(0.7, 1, probabilities.shape).astype(np.float32)


def noise_map(seed: int) -> np.ndarray:
    """Blots without any shape, with holes and areas in these."""
    noise = np.random.default_rng(seed).random((256, 192)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.clip((blurred - 0.48) * 6, 0, 1).astype(np.float32)


def full_map(seed: int) -> np.ndarray:
    return np.full((64, 96), 0.9, np.float32)


def empty_map(seed: int) -> np.ndarray:
    return np.zeros((64, 96), np.float32)


def every_size(seed: int) -> np.ndarray:
    """Rectangles of many sizes: where the distance ends in a half, the last digit decides how it is rounded."""
    probabilities = np.zeros((1024, 1024), np.float32)
    for column in range(12):
        for row in range(25):
            height, width = 3 + row, 3 + column + 12 * (seed % 6)
            top, left = 1 + row * 40, 1 + column * 84
            probabilities[top : top + height, left : left + width] = 0.8
    return probabilities


def boxes_of(postprocessor: Any, probabilities: np.ndarray) -> np.ndarray:
    ((boxes,),) = postprocessor(probabilities[None, ..., None])
    return boxes


def ours(architecture: str, options: ReadingOptions, counted: list[int] | None = None) -> Any:
    entry = CatalogEntry(architecture, ModelTask.DETECTION, architecture, WeightsSource.DOCTR)
    spec = ModelSpec(entry, (3, 1024, 1024), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), classes=("words",))
    return detection_postprocessor(spec, options, (counted if counted is not None else []).append)


@pytest.mark.parametrize("straight", [True, False])
@pytest.mark.parametrize("make_map", [words_map, noise_map, every_size, full_map, empty_map])
@pytest.mark.parametrize("architecture", DOCTRS)
def test_boxes_are_those_of_doctr(architecture: str, make_map: Any, straight: bool) -> None:
    found = 0
    for seed in range(8):
        for binary_threshold, box_threshold in ((0.1, 0.1), (0.3, 0.5)):
            arguments = {"bin_thresh": binary_threshold, "box_thresh": box_threshold}
            options = ReadingOptions(
                assume_straight_pages=straight, binary_threshold=binary_threshold, box_threshold=box_threshold
            )
            probabilities = make_map(seed)
            doctr = DOCTRS[architecture](assume_straight_pages=straight, **arguments)
            expected = boxes_of(doctr, probabilities)
            boxes = boxes_of(ours(architecture, options), probabilities)
            assert boxes.shape == expected.shape
            np.testing.assert_array_equal(boxes, expected)
            found += len(expected)
    assert (found > 0) == (make_map is not empty_map)


def test_rectangles_of_all_sizes_are_widened_as_clipper_widens_them() -> None:
    """Far beyond what fits on one map: among others the lengths whose reciprocals round, such as 49."""
    from doctr_serve.inference.area_boxes import _widened

    rng = np.random.default_rng(0)
    sides = np.concatenate((rng.integers(0, 1024, (4000, 2)), rng.integers(3, 400, (4000, 2))), axis=1)
    sides[::4, 2:] = rng.choice((49, 98, 103, 107, 161), (1000, 2))
    for doctr in (DBPostProcessor(), FASTPostProcessor()):
        expected = [
            doctr.polygon_to_box(np.array([[x, y], [x, y + h], [x + w, y + h], [x + w, y]]))
            for x, y, w, h in sides
        ]
        widened = _widened(sides, doctr.unclip_ratio)
        assert np.concatenate((widened[:, :2], widened[:, 2:] - widened[:, :2]), axis=1).tolist() == [
            list(box) for box in expected
        ]


def test_the_areas_are_counted_before_they_are_looked_at() -> None:
    counted: list[int] = []
    boxes = boxes_of(ours("fast_tiny", ReadingOptions(), counted), every_size(0))
    assert counted == [300]
    assert len(boxes) == 300


def test_the_maps_of_an_image_share_its_candidates_and_each_is_begun_only_while_the_request_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCTR_MULTIPROCESSING_DISABLE", "TRUE")  # as the engine sets it
    counted: list[int] = []
    interrupt = Interrupt()

    def count(candidates: int) -> None:
        counted.append(candidates)
        if len(counted) == 5:
            interrupt.cancel()

    entry = CatalogEntry("db_resnet50", ModelTask.DETECTION, "db_resnet50", WeightsSource.DOCTR)
    spec = ModelSpec(entry, (3, 64, 96), (0.0,) * 3, (1.0,) * 3, classes=("date", "sum", "total"))
    postprocessor = detection_postprocessor(spec, ReadingOptions(), count, interrupt.check)
    maps = np.zeros((2, 64, 96, 3), np.float32)
    for left in (8, 40, 72):
        maps[:, 20:40, left : left + 16] = 0.9
    with pytest.raises(RequestCancelled):
        postprocessor(maps)
    assert counted == [3, 6, 9, 3, 6]
