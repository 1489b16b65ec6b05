"""OpenVINO's runtime: torch's results, compiled once, and torch for what it cannot take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from doctr_serve.catalog import Catalog, CatalogEntry
from doctr_serve.errors import WeightsUnavailableError
from doctr_serve.inference.model_spec import describe
from doctr_serve.inference.runtimes.openvino_runtime import LEFT_TO_OTHERS, OpenVINORuntime
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.settings import Settings
from support.weights import random_weights_dir

DETECTION, RECOGNITION = "bundled/db_mobilenet_v3_large", "bundled/crnn_mobilenet_v3_small"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    weights = random_weights_dir(tmp_path_factory.mktemp("weights"), ["parseq"])
    return Catalog(Settings(weights_dir=weights))


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models stay that the first test compiles."""
    return tmp_path_factory.mktemp("cache") / "openvino"


def entry(catalog: Catalog, name: str) -> CatalogEntry:
    kind = "recognition" if name in (RECOGNITION, "parseq") else "detection"
    return catalog.find_by_name(name, option=f"{kind}_model")


def runtime(catalog: Catalog, cache_dir: Path | None = None, precision: str = "f32") -> OpenVINORuntime:
    others = TorchRuntime(catalog, intra_op_threads=2)
    return OpenVINORuntime(catalog, others, precision=precision, threads=2, cache_dir=cache_dir)


def compiled(ours: OpenVINORuntime, model: CatalogEntry) -> object:
    """Loads the model, which must not have been left to torch."""
    handle = ours.load(model)
    assert not isinstance(handle, torch.nn.Module)
    return handle


def batch(catalog: Catalog, model: CatalogEntry, count: int) -> np.ndarray:
    _, height, width = describe(model, catalog).input_shape
    rng = np.random.default_rng(count)
    return rng.standard_normal((count, 3, height, width), np.float32)


@pytest.fixture
def nothing_is_converted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def convert(*_: object, **__: object) -> None:
        raise AssertionError("it is converted again")

    with monkeypatch.context() as patched:
        patched.setattr(openvino, "convert_model", convert)
        yield


@pytest.mark.parametrize(("name", "counts"), [(DETECTION, (1, 2)), (RECOGNITION, (1, 7, 64))])
def test_in_f32_its_results_are_those_of_torch_for_any_number_of_images(
    catalog: Catalog, cache_dir: Path, name: str, counts: tuple[int, ...]
) -> None:
    model = entry(catalog, name)
    ours, torchs = runtime(catalog, cache_dir), TorchRuntime(catalog, intra_op_threads=2)
    handle, expected = compiled(ours, model), torchs.load(model)
    for count in counts:
        images = batch(catalog, model, count)
        np.testing.assert_allclose(ours.run(handle, images), torchs.run(expected, images), atol=2e-3)


@pytest.mark.usefixtures("nothing_is_converted")
def test_a_model_is_converted_once(catalog: Catalog, cache_dir: Path) -> None:
    ours, model = runtime(catalog, cache_dir), entry(catalog, RECOGNITION)
    assert ours.run(compiled(ours, model), batch(catalog, model, 3)).shape[0] == 3


def test_a_damaged_file_in_the_cache_is_made_anew(catalog: Catalog, cache_dir: Path) -> None:
    (kept,) = cache_dir.glob("crnn_mobilenet_v3_small-*.blob")
    content = kept.read_bytes()
    kept.write_bytes(b"damaged")
    ours, model = runtime(catalog, cache_dir), entry(catalog, RECOGNITION)
    assert ours.run(compiled(ours, model), batch(catalog, model, 1)).shape[0] == 1
    assert len(kept.read_bytes()) > len(content) / 2


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ours, model = runtime(catalog, tmp_path / "file" / "folder"), entry(catalog, RECOGNITION)
    assert ours.run(compiled(ours, model), batch(catalog, model, 1)).shape[0] == 1


def test_what_it_cannot_take_is_left_to_torch(catalog: Catalog) -> None:
    ours, model = runtime(catalog), entry(catalog, "parseq")
    assert model.architecture in LEFT_TO_OTHERS
    images = batch(catalog, model, 1)
    expected = TorchRuntime(catalog).run(TorchRuntime(catalog).load(model), images)
    np.testing.assert_allclose(ours.run(ours.load(model), images), expected, atol=1e-4)


def test_what_it_fails_to_convert_is_left_to_torch(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("cannot convert")

    monkeypatch.setattr(openvino, "convert_model", fails)
    ours, model = runtime(catalog), entry(catalog, RECOGNITION)
    assert ours.run(ours.load(model), batch(catalog, model, 1)).shape[0] == 1


def test_weights_that_are_missing_are_no_matter_of_runtimes(catalog: Catalog) -> None:
    with pytest.raises(WeightsUnavailableError):
        runtime(catalog).load(entry(catalog, "db_resnet50"))


def test_auto_is_what_the_processor_computes_in(catalog: Catalog) -> None:
    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert runtime(catalog, precision="auto").precision == ("bf16" if "BF16" in capabilities else "f32")
