from __future__ import annotations

import numpy
import pytest
from doctr_serve_client.options import to_request


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("detect_language", "yes"),
        ("detect_language", 1),
        ("detect_language", None),
        ("detection_batch_size", True),
        ("detection_batch_size", 2.0),
        ("binary_threshold", "0.1"),
        ("binary_threshold", True),
        ("pages", 3),
        ("detection_model", b"db_resnet50"),
    ],
)
def test_a_value_of_another_type_is_refused_naming_the_option_and_its_type(name, value):
    with pytest.raises(TypeError, match=f"option '{name}' takes (bool|int|float|str), not"):
        to_request({name: value})


def test_whole_numbers_and_numpys_numbers_are_numbers():
    request = to_request(
        {"binary_threshold": 1, "box_threshold": numpy.float64(0.5), "detection_batch_size": numpy.int64(3)}
    )

    assert (request.binary_threshold, request.box_threshold, request.detection_batch_size) == (1.0, 0.5, 3)


def test_a_number_that_does_not_fit_the_wire_is_refused_naming_the_option():
    with pytest.raises(ValueError, match="detection_batch_size"):
        to_request({"detection_batch_size": 2**31})


def test_an_option_that_resembles_none_lists_the_options():
    with pytest.raises(TypeError, match="the options are detection_model, recognition_model"):
        to_request({"zzz": 1})
