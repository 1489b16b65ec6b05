"""What a form is answered with, and what of a request reaches the server."""

import json

import pytest
from doctr_serve.rpc.announced_limits import limits_of
from doctr_serve_client import to_dict
from support.rest_edge import OPTIONS, PNG, post


@pytest.mark.parametrize("path", ["/ocr", "/ocr/"])
def test_a_form_is_answered_with_an_array_of_pages_with_and_without_the_slash(client, service, path):
    service.pages = 2
    files = [("files", ("a.pdf", b"first", "application/pdf")), ("files", ("b ü.pdf", b"second"))]
    response = client.post(path, files=files)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert [(entry["name"], entry["page_number"]) for entry in response.json()] == [
        ("a.pdf", 1),
        ("a.pdf", 2),
        ("b ü.pdf", 1),
        ("b ü.pdf", 2),
    ]


def test_an_entry_has_every_field_of_the_contract_empty_or_not(client):
    (entry,) = post(client).json()
    assert entry["orientation"] == {}
    assert entry["language"] == {}
    assert entry["dimensions"] == [1684, 1190]
    block = entry["pages"][0]["blocks"][0]
    assert set(block) == {"geometry", "detection_score", "lines"}
    assert set(block["lines"][0]) == {"geometry", "detection_score", "words"}
    word = block["lines"][0]["words"][0]
    assert set(word) == {"value", "geometry", "detection_score", "confidence", "text_orientation"}
    assert word["text_orientation"] == {"value": 0}
    assert word["geometry"] == []
    assert word["confidence"] == 0.99


def test_every_option_reaches_the_server_as_the_query_parameter_of_its_name(client, service):
    wanted = {
        "detection_model": "fast_base",
        "recognition_model": "org/model with+plus",
        "assume_straight_pages": False,
        "preserve_aspect_ratio": False,
        "detect_orientation": True,
        "detect_language": True,
        "symmetric_padding": False,
        "straighten_pages": True,
        "detection_batch_size": 4,
        "recognition_batch_size": 64,
        "disable_page_orientation": True,
        "disable_text_orientation": True,
        "binary_threshold": 0.25,
        "box_threshold": 1e-3,
        "group_lines": False,
        "group_blocks": True,
        "paragraph_break": 0.0035,
        "pages": "1-3,7",
        "tiling": "off",
        "detect_layout": True,
        "layout_model": "lw_detr_m",
        "detect_tables": True,
        "table_model": "org/tables",
        "ignore_regions": ["Picture", "Page-footer"],
        "reading_order": "auto",
        "preserve_original_coords": True,
        "export_as_straight_boxes": True,
        "allowed_characters": "0+1&€ =%#",
    }
    assert set(wanted) == set(OPTIONS)
    parameters = {
        key: json.dumps(value) if isinstance(value, bool) else value for key, value in wanted.items()
    }
    response = post(client, params=parameters)
    assert response.status_code == 200
    assert service.calls[-1].options == wanted


def test_absent_options_arrive_as_absent(client, service):
    post(client)
    assert service.calls[-1].options == {}


def test_a_password_in_the_form_reaches_every_document(client, service):
    response = client.post("/ocr", files=[("files", PNG), ("files", PNG)], data={"pdf_password": "gehe&im"})
    assert response.status_code == 200
    assert [document.pdf_password for document in service.calls[-1].documents] == ["gehe&im"] * 2


def test_models_are_listed(client):
    listed = client.get("/models").json()
    assert listed["default_detection_model"] == "db_resnet50"
    assert listed["models"][0]["name"] == "db_resnet50"
    assert listed["models"][0]["loaded"] is False


@pytest.mark.parametrize("path", ["/limits", "/limits/"])
def test_the_limits_are_told_with_and_without_the_slash(client, service, path):
    response = client.get(path)
    assert response.status_code == 200
    assert response.json() == to_dict(limits_of(service.settings))


@pytest.mark.parametrize("path", ["/health", "/health/", "/health?x=1", "/health/?x=1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_answers_whatever_a_load_balancer_appends(client, path, method):
    assert client.request(method, path).status_code == 200


@pytest.mark.parametrize("path", ["/models", "/models/"])
def test_the_models_are_listed_with_and_without_the_slash(client, path):
    response = client.get(path)
    assert response.status_code == 200
    assert response.json()["models"]
