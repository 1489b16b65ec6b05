"""docTR's single stages over REST: the forms, answers and refusals of /ocr on three more paths."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from doctr_serve.edge.config import EnvoyOptions
from doctr_serve_client import AsyncOCRClient, OCRClient, to_dict
from PIL import Image, ImageDraw, ImageFont
from support.rest_edge import assert_error
from support.rest_server import run_envoy
from support.samples import encoded, letter_pdf, letter_png
from support.tools import run

PAGE = ("page.png", letter_png("The parcel will arrive on Monday", width=620, font_pixels=20).content)


def picture_of(word: str) -> bytes:
    """A picture of a word and nothing else."""
    font = ImageFont.load_default(32)
    left, top, right, bottom = font.getbbox(word)
    picture = Image.new("RGB", (round(right - left) + 8, round(bottom - top) + 8), "white")
    ImageDraw.Draw(picture).text((4 - left, 4 - top), word, "black", font)
    return encoded(picture, "PNG")


WORD = ("word.png", picture_of("Monday"))
PATHS = {"/detection": PAGE, "/recognition": WORD, "/kie": PAGE}
ENTRIES = {
    "/detection": {"name", "bounding_boxes", "detection_scores", "dimensions"},
    "/recognition": {"name", "value", "confidence"},
    "/kie": {"name", "orientation", "language", "dimensions", "extracted_fields", "layout", "tables"},
}
COMMON = {"page_number", "page_count", "models", "warnings"}


@pytest.fixture(scope="module")
def client(server_address: str) -> Iterator[httpx.Client]:
    with (
        run_envoy(EnvoyOptions(upstreams=(server_address,))) as url,
        httpx.Client(base_url=url, timeout=120) as client,
    ):
        yield client


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_entry_has_its_fields(path: str, slash: str, client: httpx.Client) -> None:
    response = client.post(path + slash, files=[("files", PATHS[path])])
    assert response.status_code == 200, response.text
    (entry,) = response.json()
    assert set(entry) == ENTRIES[path] | COMMON
    assert entry["name"] == PATHS[path][0]


def test_boxes_are_lists_of_4_or_8_numbers(client: httpx.Client) -> None:
    for straight, numbers in (("true", 4), ("false", 8)):
        parameters = {"assume_straight_pages": straight}
        (entry,) = client.post("/detection", files=[("files", PAGE)], params=parameters).json()
        assert len(entry["bounding_boxes"]) == len(entry["detection_scores"]) > 3
        for box in entry["bounding_boxes"]:
            assert len(box) == numbers
            assert all(0 <= number <= 1 for number in box)


def test_a_picture_of_a_word_is_read(client: httpx.Client) -> None:
    (entry,) = client.post("/recognition", files=[("files", WORD)]).json()
    assert entry["value"] == "Monday"
    assert 0 < entry["confidence"] <= 1


def test_fields_have_the_words_of_ocr(client: httpx.Client) -> None:
    (entry,) = client.post("/kie", files=[("files", PAGE)]).json()
    (read,) = client.post("/ocr", files=[("files", PAGE)]).json()
    (field,) = entry["extracted_fields"]
    words = [
        word
        for page in read["pages"]
        for block in page["blocks"]
        for line in block["lines"]
        for word in line["words"]
    ]
    assert field["field_type"] == "words"
    assert sorted(field["values"], key=json.dumps) == sorted(words, key=json.dumps)


@pytest.mark.parametrize("path", PATHS)
def test_pages_come_as_entries_and_a_bad_file_is_one(path: str, client: httpx.Client) -> None:
    files = [("letter.pdf", letter_pdf("first\fsecond").content), ("bad.png", b"no picture")]
    entries = client.post(path, files=[("files", file) for file in files]).json()
    assert entries[-1]["name"] == "bad.png"
    assert entries[-1]["error"]["code"] == 3
    assert all("error" not in entry for entry in entries[:-1])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("parameters", "status"),
    [({"bogus": "1"}, 400), ({"group_lines": "true"}, 400), ({"pages": "x"}, 400)],
)
def test_what_is_no_option_of_the_stage_is_refused(
    path: str, parameters: dict[str, str], status: int, client: httpx.Client
) -> None:
    assert client.post(path, files=[("files", PATHS[path])], params=parameters).status_code == status


@pytest.mark.parametrize("path", PATHS)
def test_other_verbs_and_empty_forms_are_refused(path: str, client: httpx.Client) -> None:
    assert client.get(path).status_code == 405
    assert_error(
        client.post(path, files=[("pdf_password", (None, "x"))]), 400, grpc.StatusCode.INVALID_ARGUMENT
    )


@pytest.fixture
def page_file(tmp_path: Path) -> str:
    path = tmp_path / PAGE[0]
    path.write_bytes(PAGE[1])
    return str(path)


@pytest.fixture
def word_file(tmp_path: Path) -> str:
    path = tmp_path / WORD[0]
    path.write_bytes(WORD[1])
    return str(path)


def test_the_python_client_gives_what_rest_gives(
    client: httpx.Client, server_address: str, page_file: str, word_file: str
) -> None:
    with OCRClient(server_address, timeout_s=120) as python:
        ours = {
            "/detection": list(python.detect_text(page_file, box_threshold=0.2)),
            "/recognition": list(python.recognize_text([word_file, word_file])),
            "/kie": list(python.extract_fields(page_file, detect_language=True)),
        }
    parameters = {"/detection": {"box_threshold": "0.2"}, "/kie": {"detect_language": "true"}}
    for path, results in ours.items():
        files = [("files", PATHS[path])] * len(results)
        entries = client.post(path, files=files, params=parameters.get(path)).json()
        assert [without_floats(to_dict(result)) for result in results] == [
            without_floats(entry) for entry in entries
        ]


async def test_the_asyncio_client_does_so_too(server_address: str, page_file: str, word_file: str) -> None:
    async with AsyncOCRClient(server_address, timeout_s=120) as python:
        (detected,) = [result async for result in python.detect_text(page_file)]
        (read,) = [result async for result in python.recognize_text(word_file)]
        (extracted,) = [result async for result in python.extract_fields(page_file)]
    assert len(detected.bounding_boxes) == len(extracted.extracted_fields[0].values) > 3
    assert read.value == "Monday"


def test_an_option_of_another_stage_is_a_type_error(server_address: str, page_file: str) -> None:
    with OCRClient(server_address) as python, pytest.raises(TypeError, match="unknown option 'group_lines'"):
        python.detect_text(page_file, group_lines=True)


@pytest.mark.parametrize(
    ("command", "file", "line"),
    [
        ("detect", "page", r"(\d\S*\t){4}\d\S*"),
        ("recognize", "word", "Monday"),
        ("fields", "page", r"words\tMonday"),
    ],
)
def test_a_command_prints_lines_and_json(
    command: str, file: str, line: str, server_address: str, page_file: str, word_file: str
) -> None:
    path = {"page": page_file, "word": word_file}[file]
    ours = [sys.executable, "-m", "doctr_serve", command, path, "--server", server_address]
    text = run(*ours).stdout
    assert any(re.fullmatch(line, printed) for printed in text.splitlines()), text
    (entry,) = json.loads(run(*ours, "--format", "json").stdout)
    assert entry["name"] == PATHS["/recognition" if command == "recognize" else "/kie"][0]


def without_floats(value: Any) -> Any:
    """The value with its numbers rounded: JSON of the two has the same floats with different digits."""
    if isinstance(value, dict):
        return {key: without_floats(own) for key, own in value.items()}
    if isinstance(value, list):
        return [without_floats(own) for own in value]
    return round(value, 4) if isinstance(value, float) else value
