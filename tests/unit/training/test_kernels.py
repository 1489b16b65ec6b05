"""A block of fast layers, activations fused into their norms, equals torch's while training."""

from __future__ import annotations

import copy
import importlib

import pytest

torch = pytest.importorskip("torch")


def test_a_block_of_a_mobilenet_equals_torch(training_path: None) -> None:
    torch.manual_seed(0)
    plain = torch.nn.Sequential(
        torch.nn.Conv2d(8, 16, 1, bias=False),
        torch.nn.BatchNorm2d(16),
        torch.nn.Hardswish(),
        torch.nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False),
        torch.nn.BatchNorm2d(16),
        torch.nn.ReLU(),
    ).to(memory_format=torch.channels_last)
    fast = importlib.import_module("kernels").speed_up(copy.deepcopy(plain))
    assert type(fast[0]) is importlib.import_module("fastconv").FastConv1x1
    x = torch.rand(4, 8, 10, 12).contiguous(memory_format=torch.channels_last)
    results = []
    for model in (plain, fast):
        given = x.clone().requires_grad_()
        y = model(given)
        (y * torch.linspace(0, 1, y.numel()).view_as(y)).sum().backward()
        results.append((y.detach(), given.grad, *(p.grad for p in model.parameters()), *model.buffers()))
    for wanted, got in zip(*results, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-3)
