"""What the orientation classifiers learn from: pictures turned as their label says, of the classifier's size."""

from __future__ import annotations

import importlib
import random
from types import ModuleType

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("cv2")
pytest.importorskip("doctr")


@pytest.fixture
def orientation_data(training_path: None) -> ModuleType:
    return importlib.import_module("orientation_data")


def word(rng: random.Random) -> np.ndarray:
    """A word that is bright on top and has a light spot in its left half: no two of its turns are alike."""
    image = np.full((20, 60, 3), 90, np.uint8)
    image[:10] = 150
    image[10:, :20] = 220
    return image


def is_upright(image: np.ndarray) -> bool:
    rows, columns = np.nonzero(image[..., 0] > 200)
    brighter = np.nonzero(image[..., 0] == 150)[0]
    return columns.mean() < image.shape[1] / 2 and brighter.min() < rows.min()


@pytest.mark.parametrize("stage", [0, 1], ids=["stacked", "single"])
def test_each_picture_is_turned_as_its_label_says(
    orientation_data: ModuleType, monkeypatch: pytest.MonkeyPatch, stage: int
) -> None:
    monkeypatch.setattr(orientation_data, "_word", word)
    [(images, labels)] = orientation_data.rounds("crop")[stage](random.Random(1), 0)  # noqa: S311 - a seed, no secret
    assert images.shape == (40, 256, 256, 3)
    assert set(labels.tolist()) == {0, 1, 2, 3}
    assert all(is_upright(np.rot90(image, -label)) for image, label in zip(images, labels, strict=True))
    assert not any(
        is_upright(np.rot90(image, -label - 2)) for image, label in zip(images, labels, strict=True)
    )


def test_the_first_stage_shows_up_to_six_words_and_the_last_one_alone(
    orientation_data: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orientation_data, "_word", word)
    filled = [
        {int((image > 0).any((1, 2)).sum() + (image > 0).any((0, 2)).sum()) for image in images}
        for stage in (0, 1)
        for images, _ in orientation_data.rounds("crop")[stage](random.Random(1), 0)  # noqa: S311 - a seed, no secret
    ]
    assert len(filled[0]) > 2
    assert len(filled[1]) == 1
