"""The recogniser's training shows words again that were read worst; depthwise convolutions are exact in bfloat16."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("cv2")
pytest.importorskip("doctr")

BATCH = 4


@pytest.fixture
def data(training_path: None) -> ModuleType:
    return importlib.import_module("recognition_data")


def batch(number: int, width: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Four words of one width, named after the batch and their place in it."""
    texts = [f"{number}.{place}" for place in range(BATCH)]
    return np.full((BATCH, 32, width, 3), 200, np.uint8), np.zeros((BATCH, width // 4), np.int64), texts


def test_the_words_of_each_batch_that_were_read_worst_come_once_more(data: ModuleType) -> None:
    hard = data.HardWords(BATCH, share=0.5, seed=1)
    losses = np.array([0.1, 3.0, 0.2, 2.0])
    numbers = range(2 * data.POOL)
    returned = [hard.add(batch(number, 32), losses) for number in numbers]
    assert not any(returned[:-1])
    again = returned[-1]
    assert [len(texts) for _, _, texts in again] == [BATCH] * data.POOL
    texts = sorted(text for _, _, texts in again for text in texts)
    assert texts == sorted(f"{number}.{place}" for number in numbers for place in (1, 3))
    assert hard.add(batch(0, 32), losses) == []


def test_words_shown_again_are_padded_with_black_and_blanks(data: ModuleType) -> None:
    hard = data.HardWords(BATCH, share=1.0, seed=1)
    batches = [batch(number, 32 if number else 64) for number in range(data.POOL)]
    again = [out for b in batches for out in hard.add(b, np.arange(BATCH))]
    widest = next(out for out in again if "0.0" in out[2])
    for images, labels, texts in again:
        assert (images.shape[2], labels.shape[1]) == ((64, 16) if images is widest[0] else (32, 8))
        for image, label, text in zip(images, labels, texts, strict=True):
            width = 64 if text.startswith("0.") else 32
            assert (image[:, :width] == 200).all()
            assert not image[:, width:].any()
            assert (label[width // 4 :] == data.BLANK).all()


def test_a_word_that_is_misread_loses_more_than_one_that_is_read(training_path: None) -> None:
    losses_of = importlib.import_module("train_recognition").ctc_losses
    index, blank = (getattr(importlib.import_module("recognition_data"), n) for n in ("INDEX", "BLANK"))
    logits = torch.full((2, 8, blank + 1), -8.0)
    for step, sign in enumerate("a-b-----"):
        logits[:, step, blank if sign == "-" else index[sign]] = 8.0
    right, wrong = losses_of(logits, ["ab", "cb"]).tolist()
    assert right < 0.1 < wrong


@pytest.mark.parametrize("bf16", [False, True])
def test_the_optimiser_turns_any_gradient_into_steps_of_one_size(training_path: None, bf16: bool) -> None:
    optimiser = importlib.import_module("muon").Muon
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(16, 32))
    weight.grad = torch.randn(16, 32) * 1e-3
    optimiser([weight], lr=0.1, bf16=bf16).step()
    singular = torch.linalg.svdvals(weight.detach())
    assert weight.dtype == torch.float32
    assert singular.min() > 0.04
    assert singular.max() < 0.14


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolutions_under_autocast_equal_torch(training_path: None, stride: int) -> None:
    kernels = importlib.import_module("kernels")
    if kernels.library() is None:
        pytest.skip("no C++ compiler")
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(16, 16, 5, stride=stride, padding=2, groups=16, bias=False)
    x = torch.rand(2, 16, 12, 20).contiguous(memory_format=torch.channels_last)
    results = []
    for fast in (False, True):
        if fast:
            kernels.speed_up(torch.nn.Sequential(layer), depthwise_only=True)
        layer.zero_grad()
        given = (x.bfloat16() if fast else x.bfloat16().float()).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            y = layer(given)
        assert y.dtype == given.dtype
        (y.float() * torch.linspace(0, 1, y.numel()).view_as(y)).sum().backward()
        results.append((y.detach().float(), given.grad.float(), layer.weight.grad.clone()))
    for plain, quick in zip(*results, strict=True):
        torch.testing.assert_close(plain, quick, rtol=2e-2, atol=2e-2)


def test_the_labels_of_time_steps_give_way_to_ctc(training_path: None) -> None:
    aligned_share = importlib.import_module("train_recognition").aligned_share
    shares = [aligned_share(seen, 100) for seen in (0, 40, 70, 100, 200)]
    assert shares == pytest.approx([1, 1, 0.5, 0, 0])


def test_frozen_norms_learn_but_keep_their_statistics(training_path: None) -> None:
    norms = importlib.import_module("norms")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).train()
    norms.freeze_norms(model)
    images = torch.rand(2, 3, 8, 8)
    model(images).square().mean().backward()
    assert model[1].running_mean.eq(0).all()
    assert model[1].weight.grad.abs().sum() > 0
    assert torch.equal(model(images), model.eval()(images))
