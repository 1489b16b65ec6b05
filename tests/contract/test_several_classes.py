"""Detection models of several classes, from a hub and from a folder: docTR's ``kie_predictor``, field by field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from doctr import models
from doctr.models.factory.hub import _save_model_and_config_for_hf_hub
from doctr.models.zoo import kie_predictor
from doctr_serve.catalog import BUNDLED_DIR, Catalog, ModelTask
from doctr_serve.catalog.hub import HubRepositories
from doctr_serve.errors import WeightsUnavailableError
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.loading import load_model
from doctr_serve.inference.model_spec import describe
from doctr_serve.reading import Reader
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2
from safetensors.torch import load_file, save_file
from support.pages import png, skewed, two_columns
from support.server import DETECTION_MODEL, RECOGNITION_MODEL, Service, failure_of, running, settings_for

pytestmark = pytest.mark.usefixtures("large_tensors_are_kept")

HUB_NAME = "organisation/fields"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CLASSES = ["total", "date"]
"""Not in the order of the network's outputs: docTR sorts them."""
BIASES = {"date": 0.0, "total": -1.5}
"""Both classes are the bundled detector's words; of the second one it is less sure, so that its boxes are others."""


def detector() -> torch.nn.Module:
    """docTR's network with both classes."""
    model = getattr(models, DETECTION_MODEL)(pretrained=False, pretrained_backbone=False, class_names=CLASSES)
    words = load_file(BUNDLED_DIR / f"{DETECTION_MODEL}.safetensors")
    state = model.state_dict()
    for name, value in words.items():
        if state[name].shape == value.shape:
            state[name] = value
        elif name.endswith(".bias"):
            state[name] = torch.cat([value + BIASES[own] for own in model.class_names])
        else:  # of a transposed convolution: its outputs are the second dimension
            state[name] = value.repeat(1, len(CLASSES), 1, 1)
    model.load_state_dict(state)
    return model.eval()


@pytest.fixture(scope="module")
def two_classes_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The detector of two classes under docTR's name, and the bundled recogniser."""
    folder = tmp_path_factory.mktemp("two-classes")
    state = {name: value.contiguous() for name, value in detector().state_dict().items()}
    metadata = {"class_names": json.dumps(CLASSES)}
    save_file(state, folder / f"{DETECTION_MODEL}.safetensors", metadata=metadata)
    recogniser = f"{RECOGNITION_MODEL}.safetensors"
    (folder / recogniser).symlink_to(BUNDLED_DIR / recogniser)
    return folder


@pytest.fixture(scope="module")
def hub_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub's cache, with what docTR's ``push_to_hf_hub`` writes and the classes, which that leaves out."""
    cache = tmp_path_factory.mktemp("hub-cache")
    repository = cache / f"models--{HUB_NAME.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    for folder in (snapshot, repository / "refs"):
        folder.mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    model = detector()
    model.cfg = dict(model.cfg)
    _save_model_and_config_for_hf_hub(model, str(snapshot), arch=DETECTION_MODEL, task="detection")
    config = json.loads((snapshot / "config.json").read_text())
    assert "class_names" not in config
    (snapshot / "config.json").write_text(json.dumps(config | {"class_names": CLASSES}))
    return cache


def catalog_of(settings: Settings, cache: Path) -> Catalog:
    hub = HubRepositories(timeout_s=5, max_bytes=10**9, endpoint="http://127.0.0.1:9", cache_dir=cache)
    return Catalog(settings, hub=hub)


@pytest.fixture(scope="module")
def fields_service(two_classes_dir: Path, hub_cache: Path) -> Iterator[Service]:
    """A server whose default detection model has two classes, as has one of the hub."""
    settings = settings_for(
        two_classes_dir, allow_hub_models=True, runtime="torch", min_orientation_confidence=0.0
    )
    engine = OCREngine(settings, catalog=catalog_of(settings, hub_cache))
    with running(settings, reader=Reader(settings, engine=engine)) as service:
        yield service


def extracted(service: Service, page: np.ndarray, **options: Any) -> ocr_pb2.ExtractFieldsResponse:
    message = ocr_pb2.ExtractFieldsRequest(
        documents=[ocr_pb2.Document(content=png(page))],
        **{"disable_page_orientation": True, "disable_text_orientation": True, **options},
    )
    (result,) = service.stub.ExtractFields(iter([message]), timeout=240)
    return result


@pytest.mark.parametrize(
    ("page", "options"),
    [
        (two_columns, {"detection_model": HUB_NAME}),
        (skewed, {"assume_straight_pages": False}),
        (skewed, {"assume_straight_pages": False, "export_as_straight_boxes": True}),
        (skewed, {"straighten_pages": True}),
        (skewed, {"straighten_pages": True, "preserve_original_coords": True}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else value.__name__,
)
def test_fields_are_what_doctrs_kie_predictor_gives(
    page: Callable[[], np.ndarray], options: dict[str, Any], fields_service: Service, two_classes_dir: Path
) -> None:
    catalog = Catalog(fields_service.server.settings)
    recogniser = catalog.find(RECOGNITION_MODEL, ModelTask.RECOGNITION, option="")
    predictor = kie_predictor(
        detector(),
        load_model(recogniser, catalog),
        pretrained=False,
        disable_page_orientation=True,
        disable_crop_orientation=True,
        **{name: value for name, value in options.items() if name != "detection_model"},
    )
    predictor.det_predictor.model.postprocessor.bin_thresh = 0.1
    predictor.det_predictor.model.postprocessor.box_thresh = 0.1
    expected = predictor([page()]).pages[0]

    result = extracted(fields_service, page(), **options)

    assert [field.field_type for field in result.extracted_fields] == ["date", "total"]
    assert list(expected.predictions) == ["date", "total"]
    assert list(result.dimensions) == list(expected.dimensions)
    for field in result.extracted_fields:
        words = expected.predictions[field.field_type]
        assert [word.value for word in field.values] == [word.value for word in words]
        assert len(words) > 10
        for ours, doctrs in zip(field.values, words, strict=True):
            np.testing.assert_allclose(ours.geometry, np.ravel(doctrs.geometry), atol=1.5 / 1024)
            assert ours.confidence == pytest.approx(doctrs.confidence, abs=0.02)
            assert ours.detection_score == pytest.approx(doctrs.objectness_score, abs=0.02)
    date, total = ([word.detection_score for word in field.values] for field in result.extracted_fields)
    assert np.mean(date) > np.mean(total) + 0.02


def test_allowed_characters_hold_for_every_field(fields_service: Service) -> None:
    result = extracted(fields_service, two_columns(), allowed_characters="aeiou")
    for field in result.extracted_fields:
        characters = {character for word in field.values for character in word.value}
        assert "a" in characters
        assert characters <= set("aeiou")


@pytest.mark.parametrize("name", [DETECTION_MODEL, HUB_NAME])
def test_what_knows_no_classes_refuses_a_model_of_several(name: str, fields_service: Service) -> None:
    asked: list[Callable[[], Any]] = [
        lambda: fields_service.stream(b"no document", detection_model=name),
        lambda: list(
            fields_service.stub.DetectText(
                iter([ocr_pb2.DetectTextRequest(detection_model=name)]), timeout=30
            )
        ),
    ]
    for ask in asked:
        with pytest.raises(grpc.RpcError) as caught:
            ask()
        failure = failure_of(caught.value)
        assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
        assert failure.fields == ["detection_model"]
        assert f"'{name}'" in failure.message
        assert "2 classes (date, total)" in failure.message
        assert "/kie" in failure.message


@pytest.mark.parametrize(
    "stated",
    ["no JSON", "{}", "[]", '["a", "a"]', '["a", 1]', '[""]', json.dumps([str(n) for n in range(65)])],
)
def test_weights_that_state_no_proper_classes_are_not_used(stated: str, tmp_path: Path) -> None:
    path = tmp_path / f"{DETECTION_MODEL}.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata={"class_names": stated})
    catalog = Catalog(Settings(weights_dir=tmp_path))
    entry = catalog.find(DETECTION_MODEL, ModelTask.DETECTION, option="")
    with pytest.raises(WeightsUnavailableError, match="class_names"):
        describe(entry, catalog)


def test_weights_of_fewer_classes_than_they_state_are_not_used(tmp_path: Path) -> None:
    words = load_file(BUNDLED_DIR / f"{DETECTION_MODEL}.safetensors")
    save_file(words, tmp_path / f"{DETECTION_MODEL}.safetensors", metadata={"class_names": '["a", "b"]'})
    catalog = Catalog(Settings(weights_dir=tmp_path))
    with pytest.raises(WeightsUnavailableError, match="of another shape"):
        load_model(catalog.find(DETECTION_MODEL, ModelTask.DETECTION, option=""), catalog)
