"""The options that docTR has: the same names, types and defaults in the contract, the proto, its comments and docTR."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from typing import Any

import pytest
from doctr.models.builder import DocumentBuilder
from doctr.models.predictor import OCRPredictor
from doctr.models.predictor.base import _OCRPredictor
from doctr.models.zoo import _predictor, ocr_predictor
from doctr_serve.errors import InvalidOptionError
from doctr_serve.options import DOCTR_ARGUMENTS, ReadingOptions
from doctr_serve.rpc.intake.options import options_of
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2
from support.tools import ROOT

PROTO = (ROOT / "protos" / "doctr_serve" / "v1" / "ocr.proto").read_text()

# The table of the REST contract, and what docTR has had since: name, type, default.
CONTRACT: dict[str, tuple[type, Any]] = {
    "detection_model": (str, "db_resnet50"),
    "recognition_model": (str, "crnn_vgg16_bn"),
    "assume_straight_pages": (bool, True),
    "preserve_aspect_ratio": (bool, True),
    "detect_orientation": (bool, False),
    "detect_language": (bool, False),
    "symmetric_padding": (bool, True),
    "straighten_pages": (bool, False),
    "detection_batch_size": (int, 2),
    "recognition_batch_size": (int, 128),
    "disable_page_orientation": (bool, False),
    "disable_text_orientation": (bool, False),
    "binary_threshold": (float, 0.1),
    "box_threshold": (float, 0.1),
    "group_lines": (bool, True),
    "group_blocks": (bool, False),
    "paragraph_break": (float, 0.0035),
    "preserve_original_coords": (bool, False),
    "export_as_straight_boxes": (bool, False),
}
PROTO_TYPES = {str: "string", bool: "bool", int: "int32", float: "double"}
POST_PROCESSOR_ATTRIBUTES = {"bin_thresh", "box_thresh"}


@pytest.mark.parametrize("name", CONTRACT)
def test_an_option_has_the_contracts_default(name: str) -> None:
    kind, default = CONTRACT[name]
    options = options_of(ocr_pb2.OCRRequest(), Settings())
    value = getattr(options, name)
    assert (type(value), value) == (kind, default)


@pytest.mark.parametrize("name", CONTRACT)
def test_the_proto_says_type_and_default_of_an_option(name: str) -> None:
    kind, default = CONTRACT[name]
    match = re.search(rf"((?:  //.*\n)+)  optional (\w+) {name} = \d+;", PROTO)
    assert match, f"no optional field {name} with a comment"
    comment, proto_type = re.sub(r"\s*//\s*", " ", match[1]), match[2]
    assert proto_type == PROTO_TYPES[kind]
    said = str(default).lower() if kind is bool else str(default)
    assert re.search(rf"Default:.*?\b{re.escape(said)}\b", comment), comment
    assert f"`{DOCTR_ARGUMENTS[name]}`" in comment


def test_every_character_is_allowed_unless_some_are_named() -> None:
    assert options_of(ocr_pb2.OCRRequest(), Settings()).allowed_characters == ""
    assert options_of(ocr_pb2.OCRRequest(allowed_characters="01"), Settings()).allowed_characters == "01"


@pytest.mark.parametrize(
    "kind", [ocr_pb2.OCRRequest, ocr_pb2.RecognizeTextRequest, ocr_pb2.ExtractFieldsRequest]
)
def test_more_characters_than_a_caller_may_allow_are_refused(kind: type) -> None:
    options_of(kind(allowed_characters="a" * 1024), Settings())
    with pytest.raises(InvalidOptionError, match="has 1025 characters, more than 1024") as caught:
        options_of(kind(allowed_characters="a" * 1025), Settings())
    assert caught.value.field == "allowed_characters"


def test_options_and_the_requests_fields_are_the_same_and_in_the_same_order() -> None:
    described = [field.name for field in ocr_pb2.OCRRequest.DESCRIPTOR.fields]
    assert described == [field.name for field in fields(ReadingOptions)] + ["documents", "body"]
    assert list(DOCTR_ARGUMENTS) == list(CONTRACT)


@pytest.mark.parametrize("argument", sorted(set(DOCTR_ARGUMENTS.values()) - POST_PROCESSOR_ATTRIBUTES))
def test_the_doctr_names_are_arguments_of_doctr(argument: str) -> None:
    sources = (ocr_predictor, _predictor, OCRPredictor.__init__, DocumentBuilder.__init__)
    named = {name for source in sources for name in inspect.signature(source).parameters}
    popped = set(re.findall(r'kwargs\.pop\("(\w+)"', inspect.getsource(_OCRPredictor.__init__)))
    assert argument in named | popped


def test_an_option_that_is_set_to_a_falsy_value_does_not_fall_back_to_its_default() -> None:
    request = ocr_pb2.OCRRequest(group_lines=False, paragraph_break=0.0, box_threshold=0.0)
    options = options_of(request, Settings())
    assert (options.group_lines, options.paragraph_break, options.box_threshold) == (False, 0.0, 0.0)


def test_the_models_default_to_the_servers_setting() -> None:
    settings = Settings(default_detection_model="fast_tiny", default_recognition_model="parseq")
    options = options_of(ocr_pb2.OCRRequest(detection_model="fast_base"), settings)
    assert (options.detection_model, options.recognition_model) == ("fast_base", "parseq")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("detection_batch_size", 0),
        ("detection_batch_size", -1),
        ("detection_batch_size", 17),
        ("recognition_batch_size", 0),
        ("recognition_batch_size", 1025),
        ("recognition_batch_size", 2**31 - 1),
        *(
            (name, value)
            for name in ("binary_threshold", "box_threshold", "paragraph_break")
            for value in (-0.001, 1.001, float("nan"), float("inf"), float("-inf"))
        ),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_range(name: str, value: float) -> None:
    with pytest.raises(InvalidOptionError, match=f"^{name} must be between .* and .*, got") as caught:
        options_of(ocr_pb2.OCRRequest(**{name: value}), Settings()).validate(Settings())
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("detection_batch_size", 1),
        ("detection_batch_size", 16),
        ("recognition_batch_size", 1024),
        ("binary_threshold", 0.0),
        ("box_threshold", 1.0),
        ("paragraph_break", 1.0),
    ],
)
def test_the_ends_of_a_range_are_accepted(name: str, value: float) -> None:
    options = options_of(ocr_pb2.OCRRequest(**{name: value}), Settings())
    options.validate(Settings())
    assert getattr(options, name) == value
