"""Documents in JSON, end to end: HTTP through a real Envoy to the real server and its models."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from doctr_serve.edge.config import EnvoyOptions
from support.rest_edge import assert_error, words_of
from support.rest_server import run_envoy
from support.samples import letter_pdf, letter_png

TEXT = "The parcel will arrive on Monday"
PAGE = ("page.png", letter_png(TEXT, width=620, font_pixels=20).content)
LETTER = ("letter.pdf", letter_pdf(TEXT, pages=2).content)
READ, STREAM = "/v1/documents:read", "/v1/documents:stream"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
both = pytest.mark.parametrize("path", [READ, STREAM])


@pytest.fixture(scope="module")
def client(server_address: str) -> Iterator[httpx.Client]:
    with (
        run_envoy(EnvoyOptions(upstreams=(server_address,))) as url,
        httpx.Client(base_url=url, timeout=120) as open_client,
    ):
        yield open_client


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def in_json(*files: tuple[str, bytes], **options: Any) -> dict[str, Any]:
    return {"documents": [{"name": name, "content": encoded(content)} for name, content in files], **options}


def entries_of(path: str, response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return response.json()["results"] if path == READ else response.json()


@both
def test_the_answer_has_the_entries_of_ocr_names_and_all(client: httpx.Client, path: str) -> None:
    options = {"detect_language": True, "group_blocks": True, "assume_straight_pages": False, "pages": "1-2"}
    entries = entries_of(path, client.post(path, json=in_json(PAGE, LETTER, **options)))
    parameters = {name: str(value).lower() for name, value in options.items()}
    form = client.post("/ocr", files=[("files", PAGE), ("files", LETTER)], params=parameters)
    assert entries == form.json()
    assert [entry["name"] for entry in entries] == ["page.png", "letter.pdf", "letter.pdf"]
    assert words_of(entries[0])[-1]["value"] == "Monday"


@both
def test_a_document_without_a_name_gets_one_and_a_password_opens_a_pdf(
    client: httpx.Client, path: str
) -> None:
    secret = letter_pdf(TEXT, password="pässwörd").content
    body = {"documents": [{"content": encoded(secret), "pdf_password": "pässwörd"}]}
    (entry,) = entries_of(path, client.post(path, json=body))
    assert entry["name"] == "document-1"
    assert "Monday" in [word["value"] for word in words_of(entry)]


@both
def test_one_document_of_several_that_cannot_be_read_is_an_entry(client: httpx.Client, path: str) -> None:
    bad, good = entries_of(path, client.post(path, json=in_json(("bad.png", b"no picture"), PAGE)))
    assert bad["error"]["code"] == INVALID.value[0]
    assert "error" not in good


REFUSED: dict[str, tuple[Any, str]] = {
    "no documents": ({"documents": []}, "send at least one in documents"),
    "an empty object": ({}, "send at least one in documents"),
    "an unknown field": (in_json(PAGE, detect_langauge=True), "'detect_langauge'"),
    "an unknown field of a document": (
        {"documents": [{"file": encoded(PAGE[1])}]},
        "'documents[0].file' in the JSON of a request; there are name, content",
    ),
    "the field of gateways": (in_json(PAGE, body={"data": "eA=="}), "there is no field 'body'"),
    "a continued document": ({"documents": [{"content": "eA==", "continued": True}]}, "for UploadDocuments"),
    "an option of a wrong type": (
        in_json(PAGE, detect_language="yes"),
        "detect_language must be true or false",
    ),
    "an option out of range": (in_json(PAGE, box_threshold=1.5), "box_threshold"),
    "an unknown model": (in_json(PAGE, detection_model="db_resnet5"), "db_resnet50"),
    "malformed JSON": (b'{"documents": [', "not well-formed JSON: Expecting value: line 1 column 16"),
    "no body": (b"", "not well-formed JSON"),
    "base64 with something else in it": (
        {"documents": [{"content": "%PDF-1.7"}]},
        "documents[0].content is no base64",
    ),
    "a data address": (
        {"documents": [{"content": f"data:image/png;base64,{encoded(PAGE[1])}"}]},
        "documents[0].content is a data: address; send what follows its comma alone",
    ),
    "base64 of base64": (
        in_json(("page.png", base64.b64encode(PAGE[1]))),
        "'page.png': the content is base64 text of a PNG file; send the file's own bytes",
    ),
    "a file of another kind": (in_json(("notes.docx", b"PK\x03\x04 a zip")), "'notes.docx'"),
    "an empty file": (in_json(("empty.png", b"")), "'empty.png': the file is empty"),
    "a name that is too long": (in_json(("x" * 256, PAGE[1])), "256 characters"),
}


@both
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_400_and_named(client: httpx.Client, path: str, case: str) -> None:
    body, said = REFUSED[case]
    sent = (
        {"content": body, "headers": {"content-type": "application/json"}}
        if isinstance(body, bytes)
        else {"json": body}
    )
    assert said in assert_error(client.post(path, **sent), 400, INVALID)


@both
def test_a_wrong_password_is_not_repeated_in_the_answer(client: httpx.Client, path: str) -> None:
    secret = encoded(letter_pdf(TEXT, password="right").content)
    for password in ("wr0ng", 31415926):
        response = client.post(path, json={"documents": [{"content": secret, "pdf_password": password}]})
        assert_error(response, 400, INVALID)
        assert str(password) not in response.text


@both
def test_too_many_documents_are_413_whatever_is_in_them(client: httpx.Client, path: str) -> None:
    for body in (in_json(*[PAGE] * 65), {"documents": [{}] * 300_000}):
        message = assert_error(client.post(path, json=body), 413, grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert "64 documents" in message


@both
def test_three_mebibytes_of_a_document_fit(client: httpx.Client, path: str) -> None:
    padded = PAGE[1] + bytes(3 * 1024 * 1024 - len(PAGE[1]) - 2048)
    (entry,) = entries_of(path, client.post(path, json=in_json(("page.png", padded))))
    assert "Monday" in [word["value"] for word in words_of(entry)]
