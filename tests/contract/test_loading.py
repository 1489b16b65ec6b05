"""Loading gives the model that docTR's own loader gives, or an error: never random or half-loaded weights."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from doctr import models
from doctr.datasets import VOCABS
from doctr.models import recognition_predictor
from doctr_serve.catalog import BUNDLED_DIR, Catalog, CatalogEntry, WeightsSource
from doctr_serve.errors import WeightsUnavailableError
from doctr_serve.inference.loading import load_model
from doctr_serve.settings import Settings
from safetensors.torch import load_file, save_file
from support.weights import random_state_dict

pytestmark = pytest.mark.usefixtures("one_torch_thread")

ARCHITECTURE = "crnn_mobilenet_v3_small"
IMAGE = torch.rand((2, 3, 32, 128), generator=torch.Generator().manual_seed(1))

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    """Random weights of ``ARCHITECTURE``."""
    return random_state_dict(ARCHITECTURE, seed=3)


def load(directory: Path, architecture: str = ARCHITECTURE) -> torch.nn.Module:
    catalog = Catalog(Settings(weights_dir=directory))
    return load_model(catalog.find_by_name(architecture), catalog)


def predict(model: torch.nn.Module) -> tuple[torch.Tensor, list[tuple[str, float]]]:
    with torch.inference_mode():
        answer = model(IMAGE, return_model_output=True, return_preds=True)
    return answer["out_map"], answer["preds"]


def test_a_checkpoint_gives_what_doctrs_own_loader_makes_of_it(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / f"{ARCHITECTURE}.pt")
    doctr_model = models.crnn_mobilenet_v3_small(pretrained=False, pretrained_backbone=False)
    doctr_model.from_pretrained(str(tmp_path / f"{ARCHITECTURE}.pt"))

    model = load(tmp_path)

    expected, words = predict(doctr_model.eval())
    output, read = predict(model)
    assert torch.equal(output, expected)
    assert read == words
    assert model.cfg == doctr_model.cfg


def test_doctrs_old_parseq_checkpoints_load_without_the_layers_that_were_dropped(tmp_path: Path) -> None:
    parseq = random_state_dict("parseq")
    old = {
        f"decoder.{layer}.{kind}": torch.ones(384)
        for layer in ("attention_norm", "cross_attention_norm")
        for kind in ("weight", "bias")
    }
    torch.save(parseq | old, tmp_path / "parseq.pt")
    loaded = load(tmp_path, "parseq").state_dict()
    assert loaded.keys() == parseq.keys()
    assert all(torch.equal(loaded[key], value) for key, value in parseq.items())


def test_half_precision_files_are_loaded_as_float32(tmp_path: Path, state: State) -> None:
    half = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    save_file(half, tmp_path / f"{ARCHITECTURE}.safetensors")
    loaded = load(tmp_path).state_dict()
    for key, value in half.items():
        assert loaded[key].dtype == state[key].dtype
        assert torch.equal(loaded[key], value.to(state[key].dtype))


def test_the_vocabulary_of_the_file_is_the_models(tmp_path: Path) -> None:
    vocab = VOCABS["digits"]
    digits = models.crnn_mobilenet_v3_small(pretrained=False, pretrained_backbone=False, vocab=vocab)
    save_file(digits.state_dict(), tmp_path / f"{ARCHITECTURE}.safetensors", metadata={"vocab": vocab})
    model = load(tmp_path)
    assert model.vocab == model.cfg["vocab"] == vocab
    assert predict(model)[1] == predict(digits.eval())[1]


def test_the_input_shape_of_the_file_is_what_crops_are_resized_to(tmp_path: Path, state: State) -> None:
    save_file(state, tmp_path / f"{ARCHITECTURE}.safetensors", metadata={"input_shape": "[3, 32, 192]"})
    model = load(tmp_path)
    assert model.cfg["input_shape"] == (3, 32, 192)
    batches = recognition_predictor(model).pre_processor([np.zeros((32, 400, 3), np.uint8)])
    assert batches[0].shape == (1, 3, 32, 192)


@pytest.mark.parametrize("shape", ["[3, 32]", "3x32x128", "7", '["a", 32, 128]'])
def test_a_file_whose_input_shape_makes_no_sense_is_refused(shape: str, tmp_path: Path, state: State) -> None:
    save_file(state, tmp_path / f"{ARCHITECTURE}.safetensors", metadata={"input_shape": shape})
    with pytest.raises(WeightsUnavailableError, match="states an input shape that is no"):
        load(tmp_path)


def test_a_file_that_names_another_architecture_is_refused(tmp_path: Path, state: State) -> None:
    save_file(state, tmp_path / f"{ARCHITECTURE}.safetensors", metadata={"architecture": "parseq"})
    with pytest.raises(WeightsUnavailableError, match="are of the architecture 'parseq'"):
        load(tmp_path)


def truncated(state: State, path: Path) -> None:
    save_file(state, path)
    path.write_bytes(path.read_bytes()[:-1000])


def overwritten_header(state: State, path: Path) -> None:
    save_file(state, path)
    path.write_bytes(b"\xff" * 64 + path.read_bytes()[64:])


def without_a_tensor(state: State, path: Path) -> None:
    save_file({key: value for key, value in state.items() if key != "linear.bias"}, path)


def with_another_tensor(state: State, path: Path) -> None:
    save_file(state | {"extra.weight": torch.ones(1)}, path)


def with_another_vocabulary(state: State, path: Path) -> None:
    save_file(state | {"linear.bias": torch.ones(11)}, path)


def web_page(_: State, path: Path) -> None:
    path.write_text("<html>Please log in</html>")


def a_few_bytes(_: State, path: Path) -> None:
    path.write_bytes(b"abc")


SPOILERS: list[tuple[Callable[[State, Path], None], str]] = [
    (truncated, "cannot be read"),
    (overwritten_header, "cannot be read"),
    (web_page, "cannot be read"),
    (a_few_bytes, "cannot be read"),
    (without_a_tensor, "1 tensors missing, 0 unexpected, 0 of another shape .such as linear.bias"),
    (with_another_tensor, "0 tensors missing, 1 unexpected, 0 of another shape .such as extra.weight"),
    (with_another_vocabulary, "0 unexpected, 1 of another shape .such as linear.bias"),
]


@pytest.mark.parametrize(("spoil", "problem"), SPOILERS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_file_that_does_not_hold_the_weights_is_refused_and_named(
    spoil: Callable[[State, Path], None], problem: str, tmp_path: Path, state: State
) -> None:
    spoil(state, tmp_path / f"{ARCHITECTURE}.safetensors")
    with pytest.raises(WeightsUnavailableError, match=problem) as raised:
        load(tmp_path)
    assert f"{ARCHITECTURE}.safetensors" in raised.value.message
    assert f"doctr-serve pull {ARCHITECTURE}" in raised.value.message
    assert str(tmp_path) not in raised.value.message


class _WritesAFile:
    """A pickle that would run code when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("dump", [partial(pickle.dump, protocol=2), torch.save], ids=["pickle", "torch"])
def test_a_checkpoint_cannot_run_code(dump: Callable[..., None], tmp_path: Path) -> None:
    with (tmp_path / f"{ARCHITECTURE}.pt").open("wb") as file:
        dump({"linear.bias": _WritesAFile(tmp_path / "ran")}, file)
    with pytest.raises(WeightsUnavailableError, match="cannot be read"):
        load(tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [[1, 2], {"model": {"linear.bias": torch.ones(1)}}, torch.ones(3)],
    ids=["list", "nested", "tensor"],
)
def test_a_checkpoint_that_is_no_plain_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / f"{ARCHITECTURE}.pt")
    with pytest.raises(WeightsUnavailableError, match="is not a plain state dict"):
        load(tmp_path)


BUNDLED = [entry for entry in Catalog(Settings()).entries() if entry.source is WeightsSource.BUNDLED]


@pytest.mark.parametrize("entry", BUNDLED, ids=lambda entry: entry.architecture)
def test_the_bundled_weights_load_and_say_what_they_are(entry: CatalogEntry) -> None:
    catalog = Catalog(Settings())
    model = load_model(entry, catalog)
    stored = load_file(BUNDLED_DIR / f"{entry.architecture}.safetensors")
    loaded = model.state_dict()
    assert loaded.keys() == stored.keys()
    assert all(torch.equal(loaded[key], value.to(loaded[key].dtype)) for key, value in stored.items())
    assert all(value.isfinite().all() for value in loaded.values())
