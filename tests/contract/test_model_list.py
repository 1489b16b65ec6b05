"""What ``ListModels`` tells of each model, loaded or not, before any document is sent."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctr_serve.catalog import BUNDLED_DIR
from doctr_serve.v1 import ocr_pb2
from safetensors.torch import load_file, save_file
from support.server import DETECTION_MODEL, RECOGNITION_MODEL, Service, running, settings_for
from support.small_engine import SIDE
from support.watched import Watched

RECOGNISER = f"bundled/{RECOGNITION_MODEL}"
DETECTOR = f"bundled/{DETECTION_MODEL}"


def listed(service: Service) -> dict[str, ocr_pb2.Model]:
    answer = service.stub.ListModels(ocr_pb2.ListModelsRequest(), timeout=30)
    assert answer.ByteSize() < 16 * 1024
    return {model.name: model for model in answer.models}


def input_size(model: ocr_pb2.Model) -> tuple[int, int]:
    return model.input_height_pixels, model.input_width_pixels


@pytest.fixture
def own_weights(tmp_path: Path) -> Path:
    """A folder of an operator's own weights: a recogniser of four characters, and a file that is damaged."""
    state = load_file(BUNDLED_DIR / f"{RECOGNITION_MODEL}.safetensors")
    metadata = {"architecture": RECOGNITION_MODEL, "vocab": "яж5a", "input_shape": "[3, 32, 160]"}
    save_file(state, tmp_path / f"{RECOGNITION_MODEL}.safetensors", metadata)
    (tmp_path / "parseq.safetensors").write_bytes(b"no tensors")
    return tmp_path


@pytest.fixture
def cold(own_weights: Path) -> Iterator[Service]:
    with running(settings_for(own_weights), warm=False) as service:
        yield service


def test_a_recogniser_tells_its_vocabulary_and_others_have_none(watched: Watched) -> None:
    models = listed(watched.service)
    for name in (RECOGNISER, RECOGNITION_MODEL, "parseq"):
        vocabulary = models[name].vocabulary
        assert (vocabulary.name, vocabulary.size, list(vocabulary.scripts)) == ("french", 126, ["Latin"])
    assert not models[DETECTOR].HasField("vocabulary")
    assert not models["mobilenet_v3_small_page_orientation"].HasField("vocabulary")


def test_weights_tell_their_own_vocabulary_and_input_before_they_are_loaded(cold: Service) -> None:
    model = listed(cold)[RECOGNITION_MODEL]
    assert not model.loaded
    assert (model.vocabulary.name, model.vocabulary.size) == ("", 4)
    assert list(model.vocabulary.scripts) == ["Cyrillic", "Latin"]
    assert input_size(model) == (32, 160)


def test_every_model_tells_what_runs_it_and_the_size_of_its_input(watched: Watched) -> None:
    models = listed(watched.service)
    for model in models.values():
        assert (model.runtime, model.precision) == ("torch", "f32"), model.name
        assert min(input_size(model)) >= 32, model.name
    assert input_size(models["db_resnet50"]) == (1024, 1024)
    assert input_size(models[RECOGNISER]) == (32, 192)
    assert input_size(models[DETECTION_MODEL]) == (SIDE, SIDE), "of the model that is in memory"


def test_licences_are_those_that_are_stated_and_of_an_operators_own_weights_none(cold: Service) -> None:
    models = listed(cold)
    assert models["db_resnet50"].license == ocr_pb2.License(
        spdx_id="Apache-2.0", source="https://github.com/mindee/doctr/blob/main/LICENSE"
    )
    assert models[DETECTOR].license.spdx_id == "Apache-2.0"
    card = BUNDLED_DIR.parent.parent / models[DETECTOR].license.source
    assert "Apache-2.0" in card.read_text(encoding="utf-8")[:500]
    assert not models[RECOGNITION_MODEL].HasField("license")


def test_weights_that_cannot_be_read_are_not_available(cold: Service) -> None:
    models = listed(cold)
    assert models[RECOGNITION_MODEL].available
    assert not models["parseq"].available
    assert not models["parseq"].HasField("vocabulary")
    assert input_size(models["parseq"]) == (0, 0)


def test_weights_that_appear_are_listed_without_a_restart(cold: Service, own_weights: Path) -> None:
    assert not listed(cold)[DETECTION_MODEL].available
    shutil.copy(BUNDLED_DIR / f"{DETECTION_MODEL}.safetensors", own_weights)
    assert listed(cold)[DETECTION_MODEL].available


def test_the_list_loads_nothing_and_does_not_keep_models_in_memory(watched: Watched) -> None:
    loads = list(watched.runtime.loads)
    before = {name for name, model in listed(watched.service).items() if model.loaded}
    after = {name for name, model in listed(watched.service).items() if model.loaded}
    assert before == after >= {DETECTION_MODEL, RECOGNITION_MODEL}
    assert watched.runtime.loads == loads
