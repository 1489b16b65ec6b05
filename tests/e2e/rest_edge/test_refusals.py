"""What Envoy refuses itself: wrong query parameters, unknown paths, wrong methods."""

import grpc
import pytest
from support.rest_edge import OPTIONS, assert_error, post


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?bin_thresh=0.3", "bin_thresh"),
        ("?pdf_password=secret", "pdf_password"),
        ("?assume_straight_pages=vielleicht", "assume_straight_pages"),
        ("?detection_batch_size=2.5", "detection_batch_size"),
        ("?detection_batch_size=99999999999", "detection_batch_size"),
        ("?box_threshold=high", "box_threshold"),
        ("?box_threshold=nan", "box_threshold"),
        ("?box_threshold=0.1&box_threshold=0.2", "box_threshold"),
        ("?documents.name=x", "documents"),
        ("?body=x", "body"),
        ("?group_lines=true&body.content_type=text/plain", "body"),
        ("?documents=x", "documents"),
        ("?%62ody.data=eA==", "query parameters"),
        ("?group_lines=true&%64%6Fcuments%2ename=x", "query parameters"),
        ("?detect_language", "name=value"),
        ("?bogus", "name=value"),
        ("?group_lines=true&detect_language", "name=value"),
        ("?detect_language&group_lines=true", "name=value"),
    ],
)
def test_a_query_parameter_that_is_unknown_or_of_the_wrong_type_is_400_and_named(
    client, service, query, named
):
    message = assert_error(post(client, query), 400, grpc.StatusCode.INVALID_ARGUMENT)
    assert named in message
    assert "secret" not in message
    assert service.calls == []


def test_the_answer_to_a_wrong_query_parameter_lists_every_option(client):
    message = assert_error(post(client, "?nope=1"), 400, grpc.StatusCode.INVALID_ARGUMENT)
    assert [option for option in OPTIONS if option not in message] == []


def test_an_unknown_query_parameter_of_models_is_400(client):
    assert "page" in assert_error(client.get("/models?page=2"), 400, grpc.StatusCode.INVALID_ARGUMENT)


@pytest.mark.parametrize("query", ["?", "?&", "?group_lines=true&", "?pages=", "?pages=1-3,5-"])
def test_what_looks_odd_in_a_query_and_is_not_wrong_is_taken(client, query):
    assert post(client, query).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/ocr/nope", "/doctr_serve.v1.OCRService/StreamPages", "/metrics"]
)
def test_an_unknown_path_is_404_and_says_which_there_are(client, path):
    assert "POST /ocr" in assert_error(client.post(path, content=b"x"), 404, grpc.StatusCode.NOT_FOUND)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/ocr", "POST"),
        ("PUT", "/ocr/", "POST"),
        ("POST", "/models", "GET"),
        ("DELETE", "/models", "GET"),
        ("POST", "/limits", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_says_which_is_right(client, method, path, allowed):
    response = client.request(method, path)
    assert allowed in assert_error(response, 405, grpc.StatusCode.UNIMPLEMENTED)
    assert response.headers["allow"] == allowed


def test_a_long_query_is_answered_the_same_each_time(client):
    """grpc by itself refuses headers between 8 and 16 KB at random."""
    pages = ",".join(["1"] * 4000)  # 8 KB
    assert {post(client, f"?pages={pages}").status_code for _ in range(20)} == {200}
    assert {post(client, f"?pages={pages},{pages}").status_code for _ in range(20)} == {200}


def test_headers_beyond_the_bound_are_refused_in_the_contracts_form(client):
    pages = ",".join(["1"] * 20_000)
    responses = [post(client, f"?pages={pages}") for _ in range(5)]
    assert {response.status_code for response in responses} == {431}
