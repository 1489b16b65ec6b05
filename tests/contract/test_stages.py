"""docTR's single stages as methods of the service: what its own predictors give, under the rules of all methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from doctr.models.detection.zoo import detection_predictor
from doctr.models.kie_predictor import KIEPredictor
from doctr.models.recognition.zoo import recognition_predictor
from doctr.models.utils import add_whitelist
from doctr_serve.catalog import Catalog, ModelTask
from doctr_serve.inference.loading import load_model
from doctr_serve.options import ReadingOptions
from doctr_serve.v1 import ocr_pb2
from support.doctr_reference import DoctrReference
from support.pages import blank, png, skewed, two_columns
from support.samples import letter_pdf
from support.server import DETECTION_MODEL, RECOGNITION_MODEL, Service, failure_of
from support.watched import Watched

pytestmark = pytest.mark.usefixtures("large_tensors_are_kept")

DETECTION = {
    "assume_straight_pages": (False, skewed),
    "preserve_aspect_ratio": (False, two_columns),
    "symmetric_padding": (False, two_columns),
    "detection_batch_size": (1, two_columns),
    "binary_threshold": (0.5, two_columns),
    "box_threshold": (0.6, two_columns),
}
DOCTR_NAMES = {"symmetric_padding": "symmetric_pad", "detection_batch_size": "batch_size"}
LAYOUT_STAGES = {
    "DetectLayout": ocr_pb2.DetectLayoutRequest,
    "ExtractTables": ocr_pb2.ExtractTablesRequest,
}
STAGES = {
    "DetectText": ocr_pb2.DetectTextRequest,
    "RecognizeText": ocr_pb2.RecognizeTextRequest,
    "ExtractFields": ocr_pb2.ExtractFieldsRequest,
}


def ask(service: Service, method: str, *pages: bytes, **options: Any) -> list[Any]:
    """What a method answers."""
    documents = [ocr_pb2.Document(content=page) for page in pages]
    messages = [STAGES[method](documents=documents, **options)]
    return list(getattr(service.stub, method)(iter(messages), timeout=240))


@pytest.fixture(scope="module")
def network(service: Service) -> Callable[[str, ModelTask], Any]:
    """docTR's networks with the service's weights."""
    catalog = Catalog(service.server.settings)
    return lambda name, task: load_model(catalog.find(name, task, option=""), catalog)


@pytest.mark.parametrize("option", [None, *DETECTION])
def test_detection_gives_what_doctrs_predictor_gives(
    option: str | None, service: Service, network: Callable[[str, ModelTask], Any]
) -> None:
    value, page = DETECTION[option] if option is not None else (None, two_columns)
    given = {} if option is None else {option: value}
    predictor = detection_predictor(
        network(DETECTION_MODEL, ModelTask.DETECTION),
        pretrained=False,
        **{"assume_straight_pages": True, "preserve_aspect_ratio": True, "symmetric_pad": True}
        | {DOCTR_NAMES.get(name, name): value for name, value in given.items() if "threshold" not in name},
    )
    predictor.model.postprocessor.bin_thresh = given.get("binary_threshold", 0.1)
    predictor.model.postprocessor.box_thresh = given.get("box_threshold", 0.1)
    (expected,) = predictor([page()])

    (result,) = ask(service, "DetectText", png(page()), **given)

    boxes = np.array([list(box) for box in result.bounding_boxes])
    corners = expected["words"].reshape(len(expected["words"]), -1)
    if option == "assume_straight_pages":  # docTR: four corners, then a point of the score
        corners, scores = corners[:, :8], corners[:, 9]
    else:
        corners, scores = corners[:, :4], corners[:, 4]
    assert len(boxes) == len(corners) > 10
    np.testing.assert_allclose(boxes, corners, atol=1.5 / 1024)  # a pixel of the map
    np.testing.assert_allclose(result.detection_scores, scores, atol=0.02)
    assert list(result.dimensions) == list(page().shape[:2])
    assert (result.name, result.page_number, result.page_count) == ("document-1", 1, 1)
    assert (result.models.detection_model, result.models.recognition_model) == (DETECTION_MODEL, "")


def words_of(page: np.ndarray) -> list[np.ndarray]:
    """Pictures of three lines of a page."""
    return [np.ascontiguousarray(page[top : top + 40, 40:340]) for top in (48, 130, 152)]


@pytest.mark.parametrize("options", [{}, {"recognition_batch_size": 1}])
def test_recognition_gives_what_doctrs_predictor_gives(
    options: dict[str, int], service: Service, network: Callable[[str, ModelTask], Any]
) -> None:
    pictures = words_of(two_columns())
    predictor = recognition_predictor(network(RECOGNITION_MODEL, ModelTask.RECOGNITION), pretrained=False)
    expected = predictor(pictures)

    results = ask(service, "RecognizeText", *map(png, pictures), **options)

    assert [result.value for result in results] == [value for value, _ in expected]
    assert [result.confidence for result in results] == pytest.approx(
        [score for _, score in expected], abs=1e-3
    )
    assert [result.name for result in results] == ["document-1", "document-2", "document-3"]
    assert {result.models.recognition_model for result in results} == {RECOGNITION_MODEL}
    assert {result.models.detection_model for result in results} == {""}


def test_recognition_is_restricted_to_characters_as_doctr_does_it(
    service: Service, network: Callable[[str, ModelTask], Any]
) -> None:
    pictures = words_of(two_columns())
    predictor = recognition_predictor(network(RECOGNITION_MODEL, ModelTask.RECOGNITION), pretrained=False)
    with add_whitelist(predictor, "0123456789aeiou"):
        expected = predictor(pictures)

    results = ask(service, "RecognizeText", *map(png, pictures), allowed_characters="0123456789aeiou")

    assert [result.value for result in results] == [value for value, _ in expected]
    assert [result.confidence for result in results] == pytest.approx(
        [score for _, score in expected], abs=1e-3
    )
    assert expected != predictor(pictures)


FIELDS = [
    ({}, two_columns),
    ({"detection_model": "fast_tiny"}, two_columns),
    ({"recognition_model": "crnn_mobilenet_v3_large"}, two_columns),
    ({"assume_straight_pages": False}, skewed),
    ({"preserve_aspect_ratio": False}, two_columns),
    ({"detect_orientation": True}, skewed),
    ({"detect_language": True}, two_columns),
    ({"symmetric_padding": False}, two_columns),
    ({"straighten_pages": True}, skewed),
    ({"detection_batch_size": 1}, two_columns),
    ({"recognition_batch_size": 7}, two_columns),
    ({"disable_page_orientation": False, "detect_orientation": True}, skewed),
    ({"disable_text_orientation": False, "assume_straight_pages": False}, skewed),
    ({"binary_threshold": 0.5}, two_columns),
    ({"box_threshold": 0.6}, two_columns),
    ({"preserve_original_coords": True, "straighten_pages": True}, skewed),
    ({"export_as_straight_boxes": True, "assume_straight_pages": False}, skewed),
]
"""Each option of docTR's once, and those beside it without which it has no effect."""


@pytest.fixture(scope="module")
def kie(
    service: Service, weights_dir: Path, network: Callable[[str, ModelTask], Any]
) -> Callable[[dict[str, Any]], KIEPredictor]:
    """docTR's own ``kie_predictor`` for options by our names."""
    reference = DoctrReference(service.server.settings, weights_dir)

    def make(options: dict[str, Any]) -> KIEPredictor:
        shared = {
            "assume_straight_pages": options.get("assume_straight_pages", True),
            "preserve_aspect_ratio": options.get("preserve_aspect_ratio", True),
            "symmetric_pad": options.get("symmetric_padding", True),
        }
        detection = detection_predictor(
            network(options.get("detection_model", DETECTION_MODEL), ModelTask.DETECTION),
            pretrained=False,
            batch_size=options.get("detection_batch_size", 2),
            **shared,
        )
        detection.model.postprocessor.bin_thresh = options.get("binary_threshold", 0.1)
        detection.model.postprocessor.box_thresh = options.get("box_threshold", 0.1)
        recognition = recognition_predictor(
            network(options.get("recognition_model", RECOGNITION_MODEL), ModelTask.RECOGNITION),
            pretrained=False,
            batch_size=options.get("recognition_batch_size", 128),
        )
        same = ("detect_orientation", "detect_language", "straighten_pages", "preserve_original_coords")
        with reference.local_checkpoints():
            return KIEPredictor(
                detection,
                recognition,
                **shared,
                **{name: options.get(name, False) for name in (*same, "export_as_straight_boxes")},
                disable_page_orientation=options.get("disable_page_orientation", True),
                disable_crop_orientation=options.get("disable_text_orientation", True),
            )

    return make


@pytest.mark.parametrize(
    ("options", "page"), FIELDS, ids=["-".join(options) or "defaults" for options, _ in FIELDS]
)
def test_fields_are_what_doctrs_kie_predictor_gives(
    options: dict[str, Any],
    page: Callable[[], np.ndarray],
    service: Service,
    kie: Callable[[dict[str, Any]], KIEPredictor],
) -> None:
    expected = kie(options)([page()]).pages[0]

    asked = {"disable_text_orientation": True, "disable_page_orientation": True, **options}
    (result,) = ask(service, "ExtractFields", png(page()), **asked)

    (field,) = result.extracted_fields
    assert field.field_type == "words"
    words = expected.predictions["words"]
    assert [word.value for word in field.values] == [word.value for word in words]
    for ours, doctrs in zip(field.values, words, strict=True):
        np.testing.assert_allclose(ours.geometry, np.ravel(doctrs.geometry), atol=1.5 / 1024)
        assert ours.confidence == pytest.approx(doctrs.confidence, abs=1e-3)
        assert ours.detection_score == pytest.approx(doctrs.objectness_score, abs=0.02)
        assert ours.text_orientation.value == doctrs.crop_orientation["value"]
    assert list(result.dimensions) == list(expected.dimensions)
    assert result.language.value == (expected.language["value"] or "")
    if options.get("detect_orientation"):
        assert result.orientation.value == expected.orientation["value"]


def test_the_options_of_fields_are_each_compared_once() -> None:
    compared = {next(iter(options)) for options, _ in FIELDS if options}
    names = {field.name for field in ocr_pb2.ExtractFieldsRequest.DESCRIPTOR.fields}
    elsewhere = {
        "documents",
        "body",
        "pages",
        "tiling",
        "allowed_characters",
        "reading_order",
        "ignore_regions",
    }
    layout = {"detect_layout", "layout_model", "detect_tables", "table_model"}  # test_layout_and_tables.py
    assert compared == names - elsewhere - layout


def test_a_page_without_words_has_none(service: Service) -> None:
    (detected,) = ask(service, "DetectText", png(blank()))
    (extracted,) = ask(service, "ExtractFields", png(blank()))
    assert not detected.bounding_boxes
    assert [(field.field_type, len(field.values)) for field in extracted.extracted_fields] == [("words", 0)]


@pytest.mark.parametrize("method", STAGES)
def test_pages_are_streamed_and_a_bad_one_is_an_entry(method: str, service: Service) -> None:
    results = ask(service, method, letter_pdf("first\fsecond").content, b"no document", png(blank()))
    assert [bool(result.error.code) for result in results][-2:] == [True, False]
    assert results[-2].page_number == 0


@pytest.fixture(params=STAGES)
def method(request: pytest.FixtureRequest) -> str:
    return request.param


def test_without_documents_a_stage_is_refused_as_any_method_is(method: str, watched: Watched) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        ask(watched.service, method)
    assert failure_of(caught.value).code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure_of(caught.value).fields == ["documents"]


@pytest.mark.parametrize("kind", ["StreamPages", "RecognizeText", "ExtractFields"])
def test_characters_that_the_model_does_not_know_are_refused_before_any_document_is_looked_at(
    kind: str, watched: Watched
) -> None:
    given = {"allowed_characters": "0Ж1Ω 0Ж"}
    service = watched.service
    call = partial(
        service.stream if kind == "StreamPages" else partial(ask, service, kind), b"no document", **given
    )
    with pytest.raises(grpc.RpcError) as caught:
        call()
    failure = failure_of(caught.value)
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.fields == ["allowed_characters"]
    assert (
        f"'Ж', 'Ω', ' ', which the recognition model '{RECOGNITION_MODEL}' does not know" in failure.message
    )


def test_of_many_unknown_characters_a_few_are_named(watched: Watched) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        ask(watched.service, "RecognizeText", allowed_characters="".join(map(chr, range(0x4E00, 0x4E20))))
    assert "'一', '丁', '丂', '七', '丄', '丅', '丆', '万' and 24 more, which" in caught.value.details()


def test_an_unknown_model_is_refused_as_by_any_method(method: str, watched: Watched) -> None:
    option = "recognition_model" if method == "RecognizeText" else "detection_model"
    with pytest.raises(grpc.RpcError) as caught:
        ask(watched.service, method, png(blank()), **{option: "no_such_model"})
    assert failure_of(caught.value).fields == [option]


@pytest.mark.parametrize("kind", (STAGES | LAYOUT_STAGES).values(), ids=list(STAGES | LAYOUT_STAGES))
def test_its_options_are_those_of_ocr_by_name_number_and_type(kind: type) -> None:
    ours = {
        field.name: (field.number, field.type, field.has_presence)
        for field in kind.DESCRIPTOR.fields  # type: ignore[attr-defined]
    }
    whole = {
        field.name: (field.number, field.type, field.has_presence)
        for field in ocr_pb2.OCRRequest.DESCRIPTOR.fields
    }
    assert ours.items() <= whole.items()
    assert {name for name in whole} - {"documents", "body"} == {
        field.name for field in fields(ReadingOptions)
    }
