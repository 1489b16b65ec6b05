"""The REST contract, end to end: HTTP through a real Envoy to the real server and its models."""

from __future__ import annotations

import json
import queue
import threading
import time

import grpc
import httpx
import pytest
from doctr_serve.edge.config import EnvoyOptions
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from google.protobuf import json_format
from support.rest_edge import assert_error, words_of
from support.rest_server import run_envoy
from support.samples import LETTER, letter_jpeg, letter_pdf, letter_png, letter_tiff
from support.server import running

SHORT = "The parcel will arrive on Monday"
SMALL = {"width": 620, "font_pixels": 20}
GOOD = ("good.png", letter_png(SHORT, **SMALL).content)
ENTRY_FIELDS = {"name", "orientation", "language", "dimensions", "pages"}
MIB = 1024 * 1024
BUNDLED = {
    "default_detection_model": "bundled/db_mobilenet_v3_large",
    "default_recognition_model": "bundled/crnn_mobilenet_v3_small",
}


@pytest.fixture(scope="module")
def edge(server_address):
    with run_envoy(EnvoyOptions(upstreams=(server_address,))) as url:
        yield url


@pytest.fixture
def client(edge):
    with httpx.Client(base_url=edge, timeout=120) as open_client:
        yield open_client


def read(client, *files, **options):
    """POST /ocr with (name, content) files; returns the response."""
    return client.post("/ocr", files=[("files", file) for file in files], params=options)


def fields_at_fault(response):
    return [
        violation["field"]
        for detail in response.json()["details"]
        if detail["@type"].endswith("BadRequest")
        for violation in detail["field_violations"]
    ]


# What is read


def test_an_entry_has_the_contracts_fields_and_types(client):
    sample = letter_png(SHORT, **SMALL)
    (entry,) = read(client, (sample.name, sample.content)).json()
    assert set(entry) >= ENTRY_FIELDS
    assert entry["orientation"] == entry["language"] == {}
    assert entry["dimensions"] == [877, 620]
    assert "error" not in entry
    (block,) = entry["pages"][0]["blocks"]
    for level in (block, block["lines"][0], *words_of(entry)):
        x_min, y_min, x_max, y_max = level["geometry"]
        assert 0 <= x_min <= x_max <= 1
        assert 0 <= y_min <= y_max <= 1
        assert 0 < level["detection_score"] <= 1
    for word in words_of(entry):
        assert set(word) == {"value", "geometry", "detection_score", "confidence", "text_orientation"}
        assert 0 < word["confidence"] <= 1
        assert word["text_orientation"] == {"value": 0}


def test_a_page_without_words_has_every_field_too(client):
    (entry,) = read(client, GOOD, box_threshold=1).json()
    assert set(entry) >= ENTRY_FIELDS
    assert entry["pages"] == [{"blocks": []}]


def test_language_polygons_and_pages_are_options_of_the_query(client):
    sample = letter_pdf(SHORT, pages=3)
    entries = read(
        client,
        (sample.name, sample.content),
        detect_language=True,
        assume_straight_pages=False,
        disable_page_orientation=True,
        disable_text_orientation=True,
        box_threshold=0.2,
        pages="3",
    ).json()
    assert [(entry["page_number"], entry["page_count"]) for entry in entries] == [(3, 3)]
    assert entries[0]["language"]["value"] == "en"
    assert {len(word["geometry"]) for word in words_of(entries[0])} == {8}


def test_entries_come_in_the_order_of_the_files_and_of_their_pages(client):
    files = [
        ("b.pdf", letter_pdf(SHORT, pages=2)),
        ("a.jpg", letter_jpeg(SHORT, **SMALL)),
        ("ü c.tiff", letter_tiff(SHORT, pages=1, **SMALL)),
    ]
    entries = read(client, *((name, sample.content) for name, sample in files)).json()
    assert [(entry["name"], entry["page_number"]) for entry in entries] == [
        ("b.pdf", 1),
        ("b.pdf", 2),
        ("a.jpg", 1),
        ("ü c.tiff", 1),
    ]


def test_rest_and_grpc_give_the_same(client, server_address):
    sample = letter_png(SHORT, **SMALL)
    (entry,) = read(client, (sample.name, sample.content)).json()
    document = ocr_pb2.Document(name=sample.name, content=sample.content)
    with grpc.insecure_channel(server_address) as channel:
        (result,) = ocr_pb2_grpc.OCRServiceStub(channel).StreamPages(
            ocr_pb2.OCRRequest(documents=[document]), timeout=120
        )
    assert json_format.ParseDict(entry, ocr_pb2.PageResult()) == result


def test_a_password_in_the_form_opens_a_pdf(client):
    sample = letter_pdf(SHORT, password="pässwörd")
    response = client.post(
        "/ocr", files={"files": ("secret.pdf", sample.content)}, data={"pdf_password": "pässwörd"}
    )
    assert response.status_code == 200, response.text
    plain = read(client, ("secret.pdf", letter_pdf(SHORT).content))
    assert response.json() == plain.json()


def test_the_first_page_arrives_before_the_last_is_read(client):
    sample = letter_pdf(SHORT, pages=4)
    arrivals = []
    with client.stream("POST", "/ocr", files={"files": ("letter.pdf", sample.content)}) as response:
        text = ""
        for piece in response.iter_text():
            text += piece
            arrivals += [time.monotonic()] * (text.count('"page_number"') - len(arrivals))
    assert [entry["page_number"] for entry in json.loads(text)] == [1, 2, 3, 4]
    assert len(set(arrivals)) >= 3


def test_a_damaged_file_among_others_is_an_entry_with_an_error_and_alone_it_is_400(client):
    cut = ("cut.png", GOOD[1][: len(GOOD[1]) // 2])
    good_entry, bad_entry = read(client, GOOD, cut).json()
    assert "error" not in good_entry
    assert set(bad_entry) >= ENTRY_FIELDS
    assert bad_entry["pages"] == []
    assert set(bad_entry["error"]) == {"code", "message", "details"}
    assert "'cut.png'" in bad_entry["error"]["message"]
    assert "'cut.png'" in assert_error(read(client, cut), 400, grpc.StatusCode.INVALID_ARGUMENT)


def test_models_say_what_is_there_and_what_the_default_is(client):
    listed = client.get("/models").json()
    assert listed["default_detection_model"] == BUNDLED["default_detection_model"]
    by_name = {model["name"]: model for model in listed["models"]}
    assert by_name[BUNDLED["default_detection_model"]]["available"] is True
    assert by_name[BUNDLED["default_detection_model"]]["loaded"] is True
    assert by_name[BUNDLED["default_detection_model"]]["source"] == "WEIGHTS_SOURCE_BUNDLED"
    assert by_name["db_resnet50"]["task"] == "MODEL_TASK_DETECTION"


def test_models_tell_what_they_read_under_which_licence_and_what_runs_them(client):
    by_name = {model["name"]: model for model in client.get("/models").json()["models"]}
    recogniser = by_name[BUNDLED["default_recognition_model"]]
    assert recogniser["vocabulary"] == {"name": "french", "size": 126, "scripts": ["Latin"]}
    assert recogniser["license"]["spdx_id"] == "Apache-2.0"
    assert recogniser["runtime"] in ("openvino", "torch")
    assert recogniser["precision"] in ("f32", "bf16")
    assert (recogniser["input_height_pixels"], recogniser["input_width_pixels"]) == (32, 192)
    assert "vocabulary" not in by_name["db_resnet50"]


def test_limits_say_what_a_request_must_keep_to(client):
    told = client.get("/limits").json()
    settings = Settings()
    assert int(told["limits"]["max_request_bytes"]) == settings.max_request_bytes
    assert told["limits"]["max_pages"] == settings.max_pages
    assert told["limits"]["request_timeout_s"] == settings.request_timeout_s
    assert told["default_detection_model"] == BUNDLED["default_detection_model"]
    assert told["formats"][0]["media_types"] == ["image/jpeg"]
    assert (told["allow_hub_models"], told["reflection"]) == (False, True)
    assert "max_pages" in assert_error(
        client.get("/limits?max_pages=1"), 400, grpc.StatusCode.INVALID_ARGUMENT
    )


# What is refused: the contract's table


@pytest.mark.parametrize(
    ("options", "field", "said"),
    [
        ({"detection_model": "db_resnet5"}, "detection_model", "db_resnet50"),
        ({"recognition_model": "crnn"}, "recognition_model", "crnn_vgg16_bn"),
        ({"binary_threshold": 1.5}, "binary_threshold", "1"),
        ({"box_threshold": -0.1}, "box_threshold", "0"),
        ({"paragraph_break": 2}, "paragraph_break", "1"),
        ({"detection_batch_size": 0}, "detection_batch_size", "1"),
        ({"recognition_batch_size": 10**6}, "recognition_batch_size", "1024"),
        ({"pages": "3-1"}, "pages", "3-1"),
        ({"pages": "one"}, "pages", "one"),
    ],
    ids=lambda value: "" if not isinstance(value, dict) else "-".join(f"{k}={v}" for k, v in value.items()),
)
def test_an_option_out_of_range_is_400_names_the_option_and_says_what_is_accepted(
    client, options, field, said
):
    response = read(client, GOOD, **options)
    message = assert_error(response, 400, grpc.StatusCode.INVALID_ARGUMENT)
    assert field in message
    assert said in message
    assert fields_at_fault(response) == [field]


unreadable = pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.docx", b"PK\x03\x04 a zip", "PDF"),
        ("empty.png", b"", "empty"),
        ("cut.pdf", letter_pdf(SHORT).content[:300], "PDF"),
        ("secret.pdf", letter_pdf(SHORT, password="x").content, "pdf_password"),
    ],
)


@unreadable
def test_a_file_that_cannot_be_read_is_400_and_named(client, name, content, said):
    response = read(client, (name, content))
    message = assert_error(response, 400, grpc.StatusCode.INVALID_ARGUMENT)
    assert f"'{name}'" in message
    assert said in message
    assert fields_at_fault(response) == [name]


@unreadable
def test_a_file_that_cannot_be_read_among_good_ones_is_an_entry_with_its_error(client, name, content, said):
    response = read(client, (name, content), GOOD)
    assert response.status_code == 200
    bad, good = response.json()
    assert (bad["name"], bad["dimensions"], bad["pages"], bad["page_number"]) == (name, [], [], 0)
    assert bad["error"]["code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert f"'{name}'" in bad["error"]["message"]
    assert said in bad["error"]["message"]
    assert good["name"] == GOOD[0]
    assert "error" not in good


def test_a_wrong_password_is_400_and_not_repeated_in_the_answer(client):
    sample = letter_pdf(SHORT, password="right")
    response = client.post("/ocr", files={"files": ("s.pdf", sample.content)}, data={"pdf_password": "wr0ng"})
    assert "'s.pdf'" in assert_error(response, 400, grpc.StatusCode.INVALID_ARGUMENT)
    assert "wr0ng" not in response.text


def test_a_page_beyond_the_last_is_400(client):
    response = read(client, ("letter.pdf", letter_pdf(SHORT, pages=2).content), pages="5")
    assert "letter.pdf" in assert_error(response, 400, grpc.StatusCode.INVALID_ARGUMENT)


def test_weights_that_are_not_there_are_400_with_the_command_that_fetches_them(client):
    response = read(client, GOOD, detection_model="linknet_resnet50")
    message = assert_error(response, 400, grpc.StatusCode.FAILED_PRECONDITION)
    assert "doctr-serve pull linknet_resnet50" in message


def test_a_deadline_is_504(client):
    sample = letter_pdf(LETTER, pages=5)
    response = client.post(
        "/ocr", files={"files": (sample.name, sample.content)}, headers={"grpc-timeout": "20m"}
    )
    assert_error(response, 504, grpc.StatusCode.DEADLINE_EXCEEDED)


# A server at its limits


@pytest.fixture(scope="module")
def small_server():
    """One request at a time, one arriving, none waiting, 2 MiB, 2 documents."""
    settings = Settings(
        port=0,
        download_at_start=False,
        max_concurrent_requests=1,
        max_queued_requests=0,
        max_uploads=1,
        max_request_bytes=2 * MIB,
        max_documents=2,
        max_pages=3,
        max_page_pixels=1_000_000,
        request_timeout_s=20,
        log_level="warning",
        **BUNDLED,
    )
    with running(settings, warm=False) as service:
        yield service


@pytest.fixture(scope="module")
def small_edge(small_server):
    """Envoy with its default limits, so that the server's are the smaller ones."""
    with run_envoy(EnvoyOptions(upstreams=(small_server.address,))) as url:
        with httpx.Client(base_url=url, timeout=60) as open_client:
            response = read(open_client, GOOD)
            assert_error(response, 503, grpc.StatusCode.UNAVAILABLE)
            assert int(response.headers["retry-after"]) > 0
            small_server.server.warm()
            deadline = time.monotonic() + 20
            while open_client.get("/health").status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield url


@pytest.fixture
def small_client(small_edge):
    with httpx.Client(base_url=small_edge, timeout=60) as open_client:
        yield open_client


def test_a_server_that_is_loading_its_models_is_503_and_then_answers(small_client):
    # The fixture has seen the 503 before the server was warm.
    assert read(small_client, GOOD).status_code == 200


def test_a_body_over_the_servers_limit_is_413(small_client):
    response = read(small_client, ("large.pdf", b"\0" * (3 * MIB)))
    assert str(2 * MIB) in assert_error(response, 413, grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_too_many_documents_are_413(small_client):
    response = read(small_client, GOOD, GOOD, GOOD)
    assert "2 documents" in assert_error(response, 413, grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_too_many_pages_are_413(small_client):
    response = read(small_client, ("long.pdf", letter_pdf(SHORT, pages=4).content))
    assert "3" in assert_error(response, 413, grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_a_page_with_too_many_pixels_is_400_and_named(small_client):
    large = letter_png(SHORT, width=1240)
    response = read(small_client, ("large.png", large.content))
    assert "'large.png'" in assert_error(response, 400, grpc.StatusCode.INVALID_ARGUMENT)


def test_a_full_queue_is_429_with_the_time_to_wait(small_client, small_edge):
    with upload_in_progress(small_edge) as finish:
        response = read(small_client, GOOD)
        assert_error(response, 429, grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert int(response.headers["retry-after"]) >= 1
        assert any(detail["@type"].endswith("RetryInfo") for detail in response.json()["details"])
        assert finish().status_code == 200
    assert read(small_client, GOOD).status_code == 200


def test_a_draining_server_finishes_what_it_has_and_refuses_the_rest(small_client, small_edge, small_server):
    """The last test of this server: it does not come back."""
    with upload_in_progress(small_edge) as finish:
        stopping = threading.Thread(target=small_server.server.stop)
        stopping.start()
        time.sleep(0.5)
        response = read(small_client, GOOD)
        assert_error(response, 503, grpc.StatusCode.UNAVAILABLE)
        assert finish().status_code == 200
        stopping.join(30)
    assert_error(read(small_client, GOOD), 503, grpc.StatusCode.UNAVAILABLE)


class upload_in_progress:  # noqa: N801 - a context manager
    """A request that is all that the server lets arrive: the last byte of its body waits for ``finish()``."""

    def __init__(self, url):
        self._url = url
        self._body = queue.Queue()
        self._response = None
        boundary = "b0undary"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{GOOD[0]}"\r\n\r\n'
        self._headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        self._body.put(head.encode() + GOOD[1])
        self._rest = f"\r\n--{boundary}--\r\n".encode()
        self._thread = threading.Thread(target=self._post)

    def __enter__(self):
        self._thread.start()
        time.sleep(0.5)  # until it is arriving; only the next request sees that
        return self.finish

    def __exit__(self, *_):
        self._body.put(None)
        self._thread.join(60)

    def finish(self):
        self._body.put(self._rest)
        self._body.put(None)
        self._thread.join(60)
        return self._response

    def _post(self):
        content = iter(self._body.get, None)
        self._response = httpx.post(f"{self._url}/ocr", content=content, headers=self._headers, timeout=60)
