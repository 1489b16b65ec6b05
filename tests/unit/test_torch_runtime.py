"""The torch runtime: the same answers, folded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from doctr_serve.catalog import BUNDLED_DIR, Catalog
from doctr_serve.inference.loading import load_model
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime, fold_batch_norms
from doctr_serve.settings import Settings
from torch import nn

RAW_SHAPES = {
    "bundled/db_mobilenet_v3_large": ((2, 3, 64, 64), (2, 1, 64, 64)),
    "bundled/crnn_mobilenet_v3_small": ((2, 3, 32, 192), (2, 48, 127)),
    "bundled/mobilenet_v3_small_page_orientation": ((2, 3, 64, 64), (2, 4)),
}


@pytest.mark.parametrize("name", RAW_SHAPES)
def test_a_model_answers_with_one_plain_array(name: str) -> None:
    catalog = Catalog(Settings(), bundled_dir=BUNDLED_DIR)
    runtime = TorchRuntime(catalog)
    images, answer = RAW_SHAPES[name]
    raw = runtime.run(runtime.load(catalog.find_by_name(name)), np.zeros(images, np.float32))
    assert (raw.dtype, raw.shape) == (np.float32, answer)


def test_detection_answers_with_the_probabilities_that_doctr_post_processes() -> None:
    catalog = Catalog(Settings())
    entry = catalog.find_by_name("bundled/db_mobilenet_v3_large")
    runtime = TorchRuntime(catalog)
    batch = np.random.default_rng(0).random((1, 3, 128, 128), np.float32)
    raw = runtime.run(runtime.load(entry), batch)
    with torch.inference_mode():
        expected = load_model(entry, catalog)(torch.from_numpy(batch), return_model_output=True)["out_map"]
    np.testing.assert_allclose(raw, expected.numpy(), atol=1e-4)


def test_only_a_processor_bounds_the_pixels_of_a_forward() -> None:
    catalog = Catalog(Settings())
    assert TorchRuntime(catalog, cpu_slice_pixels=100).max_forward_pixels == 100
    assert TorchRuntime(catalog, "meta").max_forward_pixels is None


@pytest.mark.parametrize("name", RAW_SHAPES)
def test_in_bf16_a_model_answers_nearly_the_same_in_float32(name: str) -> None:
    catalog = Catalog(Settings(), bundled_dir=BUNDLED_DIR)
    exact, rounded = TorchRuntime(catalog), TorchRuntime(catalog, precision="bf16")
    entry = catalog.find_by_name(name)
    batch = np.random.default_rng(0).random(RAW_SHAPES[name][0], np.float32)
    expected, raw = (runtime.run(runtime.load(entry), batch) for runtime in (exact, rounded))
    assert raw.dtype == np.float32
    assert (raw != expected).any()
    assert np.linalg.norm(raw - expected) < 0.05 * np.linalg.norm(expected)


def test_a_processor_computes_in_f32_unless_told_otherwise() -> None:
    assert TorchRuntime(Catalog(Settings())).precision == "f32"
    assert TorchRuntime(Catalog(Settings()), precision="bf16").precision == "bf16"


def test_a_folded_network_computes_the_same() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 4, 2, 2),
        nn.BatchNorm2d(4),
    )
    for module in network:
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    images = torch.rand(2, 3, 20, 20)
    with torch.inference_mode():
        expected = network.eval()(images)
        fold_batch_norms(network)
        assert not any(isinstance(module, nn.BatchNorm2d) for module in network)
        torch.testing.assert_close(network(images), expected)


def test_a_batch_norm_that_follows_no_convolution_stays() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.ReLU(), nn.BatchNorm2d(3)).eval()
    fold_batch_norms(network)
    assert [type(module) for module in network] == [nn.BatchNorm2d, nn.Conv2d, nn.ReLU, nn.BatchNorm2d]
