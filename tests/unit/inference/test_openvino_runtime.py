"""OpenVINO's runtime: torch's results, converted once, and torch for what it cannot take."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import openvino
import psutil
import pytest
import torch
from doctr_serve.catalog import BUNDLED_DIR, Catalog, CatalogEntry
from doctr_serve.common.native_memory import trim_native_memory
from doctr_serve.errors import WeightsUnavailableError
from doctr_serve.inference.model_spec import describe
from doctr_serve.inference.runtimes import Execution, conversion
from doctr_serve.inference.runtimes.conversion_process import ConversionError
from doctr_serve.inference.runtimes.openvino_runtime import LEFT_TO_OTHERS, OpenVINORuntime
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.settings import Settings
from PIL import Image
from support.pages import two_columns
from support.weights import random_weights_dir

DETECTION, RECOGNITION = "bundled/db_mobilenet_v3_large", "bundled/crnn_mobilenet_v3_small"
PAGES, WORDS = "bundled/mobilenet_v3_small_page_orientation", "bundled/mobilenet_v3_small_crop_orientation"
CONVERTED = "crnn_mobilenet_v3_small"
"""Random weights, with no model of OpenVINO's beside them."""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    weights = random_weights_dir(tmp_path_factory.mktemp("weights"), ["parseq", CONVERTED])
    return Catalog(Settings(weights_dir=weights))


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models stay that the first test converts."""
    return tmp_path_factory.mktemp("cache") / "openvino"


@pytest.fixture(scope="module", autouse=True)
def _two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def entry(catalog: Catalog, name: str) -> CatalogEntry:
    return catalog.find_by_name(name)


def runtime(
    catalog: Catalog,
    cache_dir: Path | None = None,
    precision: str = "f32",
    convert: Callable[[CatalogEntry, Path], None] | None = None,
) -> OpenVINORuntime:
    """The runtime with a conversion in this process, which knows docTR already."""

    def convert_here(model: CatalogEntry, to: Path) -> None:
        conversion.convert(model, catalog, to)

    return OpenVINORuntime(
        catalog,
        TorchRuntime(catalog, intra_op_threads=2),
        convert or convert_here,
        precision=precision,
        threads=2,
        converted_models_dir=cache_dir,
    )


def never(*_: object) -> None:
    raise AssertionError("it is converted")


def fails(*_: object) -> None:
    raise ConversionError("cannot convert")


def compiled(ours: OpenVINORuntime, model: CatalogEntry) -> object:
    """Loads the model, which must not have been left to torch."""
    handle = ours.load(model)
    assert not isinstance(handle, torch.nn.Module)
    return handle


def batch(catalog: Catalog, model: CatalogEntry, count: int) -> np.ndarray:
    _, height, width = describe(model, catalog).input_shape
    rng = np.random.default_rng(count)
    return rng.standard_normal((count, 3, height, width), np.float32)


@pytest.mark.parametrize(
    ("name", "counts"),
    [(DETECTION, (1, 2)), (RECOGNITION, (1, 7, 64, 71)), (CONVERTED, (1, 7)), (PAGES, (1, 3)), (WORDS, (5,))],
)
def test_in_f32_its_results_are_those_of_torch_for_any_number_of_images(
    catalog: Catalog, cache_dir: Path, name: str, counts: tuple[int, ...]
) -> None:
    model = entry(catalog, name)
    ours, torchs = runtime(catalog, cache_dir), TorchRuntime(catalog, intra_op_threads=2)
    handle, expected = compiled(ours, model), torchs.load(model)
    for count in counts:
        images = batch(catalog, model, count)
        np.testing.assert_allclose(ours.run(handle, images), torchs.run(expected, images), atol=2e-3)


@pytest.mark.parametrize("name", [DETECTION, RECOGNITION, PAGES, WORDS])
def test_a_model_that_ships_with_the_package_is_not_converted(catalog: Catalog, name: str) -> None:
    compiled(runtime(catalog, convert=never), entry(catalog, name))


def test_what_ships_beside_other_weights_is_not_theirs(tmp_path: Path) -> None:
    for suffix in (".xml", ".bin"):
        (tmp_path / f"{CONVERTED}{suffix}").write_bytes((BUNDLED_DIR / f"{CONVERTED}{suffix}").read_bytes())
    random_weights_dir(tmp_path, [CONVERTED])
    replaced = Catalog(Settings(), bundled_dir=tmp_path)
    model = replaced.find_by_name(RECOGNITION)
    images = batch(replaced, model, 2)
    ours, torchs = runtime(replaced), TorchRuntime(replaced)
    expected = torchs.run(torchs.load(model), images)
    np.testing.assert_allclose(ours.run(compiled(ours, model), images), expected, atol=2e-3)


def test_a_model_is_converted_once(catalog: Catalog, cache_dir: Path) -> None:
    assert len(list(cache_dir.iterdir())) == 1
    ours, model = runtime(catalog, cache_dir, convert=never), entry(catalog, CONVERTED)
    assert ours.run(compiled(ours, model), batch(catalog, model, 3)).shape[0] == 3


@pytest.mark.parametrize("file", ["model.xml", "model.bin"])
def test_a_damaged_file_in_the_cache_is_made_anew(catalog: Catalog, cache_dir: Path, file: str) -> None:
    (kept,) = cache_dir.glob(f"{CONVERTED}-*/{file}")
    content = kept.read_bytes()
    kept.write_bytes(b"damaged")
    ours, model = runtime(catalog, cache_dir), entry(catalog, CONVERTED)
    assert ours.run(compiled(ours, model), batch(catalog, model, 1)).shape[0] == 1
    assert len(kept.read_bytes()) > len(content) / 2


def test_a_new_version_of_openvino_finds_nothing_of_the_old_one(
    catalog: Catalog, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino, "get_version", lambda: "another")
    handle = runtime(catalog, cache_dir, convert=fails).load(entry(catalog, CONVERTED))
    assert isinstance(handle, torch.nn.Module)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ours, model = runtime(catalog, tmp_path / "file" / "folder"), entry(catalog, CONVERTED)
    assert ours.run(compiled(ours, model), batch(catalog, model, 1)).shape[0] == 1


def test_what_it_cannot_take_is_left_to_torch(catalog: Catalog) -> None:
    ours, model = runtime(catalog), entry(catalog, "parseq")
    assert model.architecture in LEFT_TO_OTHERS
    images = batch(catalog, model, 1)
    expected = TorchRuntime(catalog).run(TorchRuntime(catalog).load(model), images)
    np.testing.assert_allclose(ours.run(ours.load(model), images), expected, atol=1e-4)


def test_what_it_fails_to_convert_is_left_to_torch(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours, model = runtime(catalog, tmp_path, convert=fails), entry(catalog, CONVERTED)
    assert ours.run(ours.load(model), batch(catalog, model, 1)).shape[0] == 1
    assert [record.problem for record in caplog.records if record.msg == "left_to_torch"] == [
        "cannot convert"
    ]
    assert list(tmp_path.iterdir()) == []


def test_memory_of_forwards_is_given_back(catalog: Catalog) -> None:
    ours, model = runtime(catalog, precision="auto"), entry(catalog, DETECTION)
    handle, images = compiled(ours, model), batch(catalog, model, 1)
    before = ours.run(handle, images)
    process = psutil.Process()
    full = process.memory_info().rss
    ours.release_memory(handle)
    trim_native_memory()
    assert full - process.memory_info().rss > 50 * 1024 * 1024
    np.testing.assert_array_equal(ours.run(handle, images), before)


def test_weights_that_are_missing_are_no_matter_of_runtimes(catalog: Catalog) -> None:
    with pytest.raises(WeightsUnavailableError):
        runtime(catalog).load(entry(catalog, "db_resnet50"))


def precisions(precision: str, has_bf16: bool, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The precision of each model, on a processor with or without bf16."""
    monkeypatch.setattr(OpenVINORuntime, "_has_bf16", has_bf16)
    catalog = Catalog(Settings())
    ours = runtime(catalog, precision=precision)
    names = (DETECTION, RECOGNITION, "db_resnet50", "crnn_vgg16_bn", WORDS)
    return {name: ours.precision_of(entry(catalog, name)) for name in names}


@pytest.mark.parametrize("precision", ["auto", "int8"])
def test_bundled_models_are_in_what_was_measured_to_read_as_well_and_others_cautiously(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert precisions(precision, True, monkeypatch) == {
        DETECTION: "int8",
        RECOGNITION: "bf16",
        "db_resnet50": "bf16",
        "crnn_vgg16_bn": "f32",
        WORDS: "bf16",
    }


def test_a_processor_without_bf16_computes_in_f32_unless_int8_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert set(precisions("auto", False, monkeypatch).values()) == {"f32"}
    assert not caplog.records
    assert precisions("int8", False, monkeypatch) == {
        DETECTION: "int8",
        RECOGNITION: "f32",
        "db_resnet50": "f32",
        "crnn_vgg16_bn": "f32",
        WORDS: "f32",
    }
    assert [record.msg for record in caplog.records] == ["int8_may_be_inexact"]


def test_it_tells_what_runs_a_model_before_and_after_the_load(catalog: Catalog) -> None:
    ours, model = runtime(catalog, precision="int8"), entry(catalog, DETECTION)
    assert ours.execution_of(model) == Execution("openvino", "int8")
    assert ours.execution_of(model, ours.load(model)) == Execution("openvino", "int8")


def test_it_tells_the_precision_of_a_model_that_does_not_ship_for_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenVINORuntime, "_has_bf16", False)
    random_weights_dir(tmp_path, [DETECTION.removeprefix("bundled/")])
    replaced = Catalog(Settings(), bundled_dir=tmp_path)
    ours, model = runtime(replaced, precision="int8"), entry(replaced, DETECTION)
    assert ours.execution_of(model, ours.load(model)) == Execution("openvino", "f32")


def test_it_tells_that_torch_runs_what_is_left_to_it(catalog: Catalog) -> None:
    ours, model = runtime(catalog, convert=fails), entry(catalog, CONVERTED)
    assert ours.execution_of(entry(catalog, "parseq")) == Execution("torch", "f32")
    assert ours.execution_of(model) == Execution("openvino", "f32")
    assert ours.execution_of(model, ours.load(model)) == Execution("torch", "f32")


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_precision_that_is_named_is_that_of_every_model(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(precisions(precision, True, monkeypatch).values()) == {precision}


def test_the_int8_detector_finds_text_where_the_exact_one_does(catalog: Catalog) -> None:
    model = entry(catalog, DETECTION)
    exact, rounded = runtime(catalog), runtime(catalog, convert=never, precision="int8")
    (page,) = [np.asarray(Image.fromarray(two_columns()).resize((1024, 1024)), np.float32)]
    images = ((page / 255 - 0.798) / 0.264).transpose(2, 0, 1)[None].astype(np.float32)
    maps = [each.run(each.load(model), images) for each in (exact, rounded)]
    areas = [(found > 0.3) for found in maps]
    assert areas[0].mean() > 0.02
    assert (areas[0] & areas[1]).sum() > 0.9 * (areas[0] | areas[1]).sum()
    assert not np.array_equal(*maps)


DROPPED_ELSEWHERE = """
import signal, threading
from doctr_serve.catalog import Catalog
from doctr_serve.inference.runtimes.openvino_runtime import OpenVINORuntime
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.settings import Settings

catalog = Catalog(Settings())
kept = [OpenVINORuntime(catalog, TorchRuntime(catalog, intra_op_threads=1), None, threads=1)]
kept[0].load(catalog.find_by_name("bundled/mobilenet_v3_small_page_orientation"))
thread = threading.Thread(target=kept.clear)
thread.start()
thread.join()
signal.signal(signal.SIGTERM, lambda *_: print("heeded"))
signal.raise_signal(signal.SIGTERM)
"""


def test_a_process_heeds_signals_after_the_runtime_was_dropped_in_another_thread() -> None:
    result = subprocess.run(
        [sys.executable, "-c", DROPPED_ELSEWHERE], capture_output=True, text=True, timeout=120, check=False
    )
    assert (result.returncode, result.stdout) == (0, "heeded\n"), result.stderr
