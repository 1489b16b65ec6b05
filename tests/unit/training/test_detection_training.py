"""The detector's targets come back as boxes from docTR's post-processing; its fast layers equal torch's."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("cv2")
base = pytest.importorskip("doctr.models.detection.differentiable_binarization.base")

SIZE = 256


@pytest.fixture
def targets(training_path: None) -> ModuleType:
    return importlib.import_module("synth.targets")


def quad(x: float, y: float, w: float, h: float, degrees: float = 0.0) -> np.ndarray:
    turn = np.radians(degrees)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
    return (corners @ axes + (x, y)).astype(np.float32)


@pytest.mark.parametrize(("w", "h"), [(60, 8), (12, 12), (150, 30), (7, 14)])
def test_a_straight_word_comes_back(targets: ModuleType, w: float, h: float) -> None:
    kernels, _ = targets.draw_targets(quad(128, 100, w, h)[None], SIZE)
    found = base.DBPostProcessor(0.1, 0.3, True)(kernels[None, :, :, None].astype(np.float32) / 255)[0][0]
    assert len(found) == 1
    wanted = np.array([128 - w / 2, 100 - h / 2, 128 + w / 2, 100 + h / 2])
    assert np.abs(found[0, :4] * SIZE - wanted).max() < 2.5


def test_a_turned_word_comes_back(targets: ModuleType) -> None:
    kernels, _ = targets.draw_targets(quad(128, 128, 90, 16, 20)[None], SIZE)
    found = base.DBPostProcessor(0.1, 0.3, False)(kernels[None, :, :, None].astype(np.float32) / 255)[0][0]
    assert len(found) == 1
    sides = sorted(np.linalg.norm(found[0][i] - found[0][i + 1]) * SIZE for i in (0, 1))
    assert sides == pytest.approx([16, 90], abs=3.5)


@pytest.mark.parametrize("degrees", [-20, 6, 20])
def test_a_turned_word_comes_back_where_it_was(targets: ModuleType, degrees: float) -> None:
    kernels, _ = targets.draw_targets(quad(128, 128, 60, 12, degrees)[None], SIZE)
    found = base.DBPostProcessor(0.1, 0.3, False)(kernels[None, :, :, None].astype(np.float32) / 255)[0][0]
    assert len(found) == 1
    assert found[0][:4].mean(0) * SIZE == pytest.approx([128, 128], abs=0.7)


def test_close_words_stay_apart_and_weigh_more(targets: ModuleType) -> None:
    pair = np.stack([quad(80, 100, 50, 10), quad(133, 100, 50, 10)])
    kernels, weights = targets.draw_targets(pair, SIZE)
    found = base.DBPostProcessor(0.1, 0.3, True)(kernels[None, :, :, None].astype(np.float32) / 255)[0][0]
    assert len(found) == 2
    assert weights[100, 106] > weights[20, 20] > 0


def test_words_too_small_to_see_weigh_nothing(targets: ModuleType) -> None:
    kernels, weights = targets.draw_targets(quad(128, 100, 30, 3)[None], SIZE)
    assert not kernels.any()
    assert weights[100, 128] == 0


@pytest.mark.parametrize("kind", ["3x3", "1x1", "up"])
def test_fast_layers_equal_torch(training_path: None, kind: str) -> None:
    speed_up = importlib.import_module("fastconv").speed_up
    torch.manual_seed(0)
    layer = {
        "3x3": torch.nn.Conv2d(8, 16, 3, padding=1, bias=False),
        "1x1": torch.nn.Conv2d(8, 16, 1),
        "up": torch.nn.ConvTranspose2d(8, 16, 2, stride=2),
    }[kind]
    x = torch.rand(2, 8, 10, 12).contiguous(memory_format=torch.channels_last).requires_grad_()
    results = []
    for fast in (False, True):
        if fast:
            speed_up(torch.nn.Sequential(layer))
        layer.zero_grad()
        x.grad = None
        y = layer(x)
        (y * torch.linspace(0, 1, y.numel()).view_as(y)).sum().backward()
        results.append((y.detach().clone(), x.grad.clone(), layer.weight.grad.clone()))
    for plain, quick in zip(*results, strict=True):
        torch.testing.assert_close(plain, quick, rtol=1e-4, atol=1e-4)
