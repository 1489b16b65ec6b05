"""The batched pre-processor: docTR's own tensors, bit for bit but for huge images, made one batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
import torch
from doctr.models.preprocessor import PreProcessor
from doctr_serve.inference.stages.preprocessing import BatchedPreProcessor

MEAN, STD = (0.694, 0.695, 0.693), (0.299, 0.296, 0.301)
SHAPES = {
    "recognition": ((32, 128), {"preserve_aspect_ratio": True, "symmetric_pad": False}),
    "orientation": ((64, 64), {"preserve_aspect_ratio": True, "symmetric_pad": True}),
    "same ratio": ((64, 48), {"preserve_aspect_ratio": True, "symmetric_pad": True}),
    "stretched": ((64, 48), {"preserve_aspect_ratio": False, "symmetric_pad": False}),
}


def images(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, 256, (*rng.integers(1, 90, 2), 3), dtype=np.uint8, endpoint=False)
        for _ in range(count)
    ]


@pytest.mark.parametrize("count", [1, 8, 13])
@pytest.mark.parametrize("case", SHAPES)
def test_its_batches_are_those_of_doctr(case: str, count: int) -> None:
    size, resize = SHAPES[case]
    arguments = {"output_size": size, "batch_size": 4, "mean": MEAN, "std": STD, **resize}
    expected = PreProcessor(**arguments)(images(count))
    batches = BatchedPreProcessor(**arguments)(images(count))
    assert len(batches) == len(expected)
    assert all(torch.equal(batch, doctrs) for batch, doctrs in zip(batches, expected, strict=True))


def grey(image: np.ndarray) -> np.ndarray:
    return np.repeat(image[..., :1], 3, axis=2)


def nearly_grey(image: np.ndarray) -> np.ndarray:
    """Grey but for one channel of one pixel."""
    changed = grey(image)
    changed[-1, -1, 2] ^= 1
    return changed


def read_only(image: np.ndarray) -> np.ndarray:
    image.flags.writeable = False
    return image


def upside_down(image: np.ndarray) -> np.ndarray:
    """A view with negative strides, which torch takes for no tensor."""
    return np.rot90(image, 2)


@pytest.mark.parametrize("kind", [grey, nearly_grey, read_only, upside_down])
@pytest.mark.parametrize("case", SHAPES)
def test_every_kind_of_image_becomes_what_doctr_makes_of_it(
    case: str, kind: Callable[[np.ndarray], np.ndarray]
) -> None:
    size, resize = SHAPES[case]
    arguments = {"output_size": size, "batch_size": 8, "mean": MEAN, "std": STD, **resize}
    (expected,) = PreProcessor(**arguments)([np.ascontiguousarray(kind(image)) for image in images(8)])
    (batch,) = BatchedPreProcessor(**arguments)([kind(image) for image in images(8)])
    assert torch.equal(batch, expected)


@pytest.mark.parametrize("shape", [(1600, 1200), (1241, 1754), (64, 48), (128, 96)])
@pytest.mark.parametrize("kind", [np.copy, grey])
@pytest.mark.parametrize("case", SHAPES)
def test_a_page_becomes_what_doctr_makes_of_it(
    case: str, kind: Callable[[np.ndarray], np.ndarray], shape: tuple[int, int]
) -> None:
    size, resize = SHAPES[case]
    arguments = {"output_size": size, "batch_size": 1, "mean": MEAN, "std": STD, **resize}
    page = kind(np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8))
    (expected,) = PreProcessor(**arguments)([page])
    (batch,) = BatchedPreProcessor(**arguments)([page])
    assert torch.equal(batch, expected)


def test_images_are_taken_when_their_batch_is_asked_for() -> None:
    taken = []

    def coming() -> Iterator[np.ndarray]:
        for number, image in enumerate(images(9)):
            taken.append(number)
            yield image

    batches = BatchedPreProcessor((8, 8), 4).batches(coming())
    assert not taken
    assert len(next(batches)) == 4
    assert taken == [0, 1, 2, 3]
    assert [len(batch) for batch in batches] == [4, 1]


@pytest.mark.parametrize("shape", [(4003, 5001), (6011, 3007), (5000, 5000), (300, 60_000)])
@pytest.mark.parametrize("case", SHAPES)
def test_a_large_image_differs_from_what_doctr_makes_of_it_by_one_level_at_most(
    case: str, shape: tuple[int, int]
) -> None:
    size, resize = SHAPES[case]
    arguments = {"output_size": size, "batch_size": 1, "mean": MEAN, "std": STD, **resize}
    page = cv2.resize(images(1)[0], shape[::-1], interpolation=cv2.INTER_CUBIC)
    (batch,) = BatchedPreProcessor(**arguments)([page])
    (expected,) = PreProcessor(**arguments)([page])
    levels = (batch - expected).abs() * torch.tensor(STD).view(3, 1, 1) * 255
    assert batch.shape == expected.shape
    assert levels.max() < 1.01


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 9, 3), (9, 1, 3), (2, 1, 3), (1, 1, 3)])
def test_a_turned_picture_of_one_row_or_column_is_taken(shape: tuple[int, int, int], turns: int) -> None:
    """docTR turns crops with views, which count backwards (``rectify_crops`` of doctr/models/_utils.py)."""
    picture = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    turned = np.rot90(picture, turns)
    processor = BatchedPreProcessor((8, 16), batch_size=1, preserve_aspect_ratio=True)
    torch.testing.assert_close(processor([turned]), processor([turned.copy()]))
