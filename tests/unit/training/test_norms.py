"""Pictures become a model's input as docTR normalises them; batch norm measures its statistics anew on them."""

from __future__ import annotations

import importlib

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")

MEAN, STD = (0.8, 0.7, 0.6), (0.2, 0.3, 0.4)


def pictures(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (2, 6, 8, 3)).astype(np.uint8)


def normalised_by_formula(images: np.ndarray) -> np.ndarray:
    return ((images / 255 - MEAN) / STD).transpose(0, 3, 1, 2)


def normed_model() -> torch.nn.Module:
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.ReLU())
    model.cfg = {"mean": MEAN, "std": STD}
    return model


def test_turned_pictures_are_normalised_and_lie_channels_last(training_path: None) -> None:
    turned = np.rot90(pictures(0), 1, (1, 2))
    x = importlib.import_module("common").normalise(turned, normed_model())
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert x.numpy() == pytest.approx(normalised_by_formula(turned), abs=1e-5)


@pytest.mark.parametrize("part", [None, 0])
def test_statistics_become_the_means_over_all_batches(training_path: None, part: int | None) -> None:
    model = normed_model()
    model(torch.full((2, 3, 4, 4), 50.0))  # what batch norm saw before is forgotten
    batches = [pictures(seed) for seed in range(3)]
    forward = None if part is None else model[part]
    importlib.import_module("norms").recalibrate(model, batches, forward)
    wanted = normalised_by_formula(np.concatenate(batches)).mean((0, 2, 3))
    assert model[0].running_mean.numpy() == pytest.approx(wanted, abs=1e-5)
    assert not model.training
