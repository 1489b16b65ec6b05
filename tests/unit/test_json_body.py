"""Requests that arrive as JSON: read as protobuf maps it, and refused by name where something would be lost."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import time
from typing import Any

import pytest
from doctr_serve.errors import DoctrServeError, InvalidRequestError, RequestTooLargeError
from doctr_serve.formats.status import to_status
from doctr_serve.rpc.intake.json_body import request_of
from doctr_serve.rpc.intake.messages import documents_of
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2
from google.protobuf import json_format

SETTINGS = Settings(max_documents=4)
BYTES = bytes(range(256)) + b"?>~" * 5
CONTENT = base64.b64encode(BYTES).decode()
MIB = 1024 * 1024


def read(body: bytes | str | dict[str, Any], content_type: str = "application/json") -> ocr_pb2.OCRRequest:
    """What a gateway's message with this body stands for."""
    data = json.dumps(body) if isinstance(body, dict) else body
    message = ocr_pb2.OCRRequest()
    message.body.content_type = content_type
    message.body.data = data.encode() if isinstance(data, str) else data
    return request_of(message, SETTINGS)


def refused(body: bytes | str | dict[str, Any]) -> DoctrServeError:
    with pytest.raises(DoctrServeError) as caught:
        read(body)
    to_status(caught.value)  # whatever was quoted can be sent
    return caught.value


def one(content: Any, **more: Any) -> dict[str, Any]:
    return {"documents": [{"content": content, **more}]}


def test_what_protobuf_writes_is_read_as_it_was() -> None:
    request = ocr_pb2.OCRRequest(
        detection_model="db_resnet50",
        detect_language=False,
        detection_batch_size=3,
        box_threshold=0.25,
        pages="1-3",
        documents=[
            ocr_pb2.Document(
                name="ü.pdf", content=BYTES, content_type="application/pdf", pdf_password="pässwörd"
            ),
            ocr_pb2.Document(content=b""),
        ],
    )
    assert read(json_format.MessageToJson(request)) == request
    assert read(json_format.MessageToJson(request, preserving_proto_field_name=True)) == request


def test_a_request_without_json_is_left_alone() -> None:
    plain = ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(content=BYTES)])
    assert request_of(plain, SETTINGS) is plain
    form = read(b"--x", "multipart/form-data; boundary=x")
    with pytest.raises(InvalidRequestError, match="body is for UploadDocuments; set documents instead"):
        documents_of(form, SETTINGS)


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", " application/json "]
)
def test_json_is_told_by_its_media_type(content_type: str) -> None:
    assert read(one(CONTENT), content_type).documents[0].content == BYTES


WRITTEN = {
    "in one line": CONTENT,
    "in lines": base64.encodebytes(BYTES).decode(),
    "in lines with CR LF": base64.encodebytes(BYTES).decode().replace("\n", "\r\n"),
    "without padding": CONTENT.rstrip("="),
    "in lines without padding": base64.encodebytes(BYTES).decode().replace("=", ""),
    "with the alphabet for URLs": base64.urlsafe_b64encode(BYTES).decode(),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_base64_is_taken_as_encoders_write_it(how: str) -> None:
    assert read(one(WRITTEN[how])).documents[0].content == BYTES


@pytest.mark.parametrize("length", range(4))
def test_base64_of_every_length_is_whole(length: int) -> None:
    content = BYTES[:length]
    for text in (base64.b64encode(content).decode(), base64.b64encode(content).decode().rstrip("=")):
        assert read(one(text)).documents[0].content == content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("!!!!", "is no base64: it has '!' at character 1"),
        (f"{CONTENT[:40]}%{CONTENT}", "is no base64: it has '%' at character 41"),
        (f'"{CONTENT}"', "is no base64: it has '\"' at character 1"),
        ("AAAAA", "is no base64: it breaks off in the middle of a byte"),
        ("QUJD\u00a0REVG", "is no base64: it has '\u00a0' at character 5"),
        ("QUJD\x0bREVG", "is no base64: it has '\x0b' at character 5"),
        ("QUI=\u2003", "is no base64: it has '\u2003' at character 5"),
        ("QUJD=QUJD", "is no base64: it has 'Q' at character 6"),
        (f"data:image/png;base64,{CONTENT}", "is a data: address; send what follows its comma alone"),
        ("data:application/pdf,%25PDF", "is a data: address; send what follows its comma alone"),
        ("\ud800", "is no base64: it has '?' at character 1"),
        ([1, 2, 3], "must be the file's bytes in base64, a string"),
        (123, "must be the file's bytes in base64, a string"),
        ({"type": "Buffer", "data": []}, "must be the file's bytes in base64, a string"),
    ],
    ids=str,
)
def test_a_content_that_is_no_base64_is_refused_with_its_place(content: Any, said: str) -> None:
    error = refused({"documents": [{"content": ""}, {"content": content}]})
    assert error.message == f"documents[1].content {said}"
    assert (error.code, error.field) == ("INVALID_ARGUMENT", "documents[1].content")


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"detect_langauge": True}, "detect_langauge", "there are detection_model, "),
        (
            {"documents": [{"nmae": "x"}]},
            "documents[0].nmae",
            "there are name, content, content_type, pdf_password",
        ),
        ({"files": []}, "files", "documents"),
        ({"body": {"data": CONTENT}}, "body", "there is no field 'body'"),
        ({"body": None}, "body", "there is no field 'body'"),
        ({"Pages": "1"}, "Pages", "pages"),
        ({"\ud800": 1}, "?", "there is no field '?'"),
        ({"documents": {"content": ""}}, "documents", "must be a list"),
        ({"documents": CONTENT}, "documents", "must be a list"),
        ({"documents": [CONTENT]}, "documents[0]", "must be an object"),
        ({"documents": [None]}, "documents[0]", "must be an object"),
        (one("", name=7), "documents[0].name", "must be a string"),
        (one("", pdf_password=271828), "documents[0].pdf_password", "must be a string"),
        ({"detect_language": "true"}, "detect_language", "must be true or false, without quotes"),
        ({"detect_language": 1}, "detect_language", "must be true or false, without quotes"),
        ({"pages": 1}, "pages", "must be a string"),
        ({"pages": ["1"]}, "pages", "must be a string"),
        ({"box_threshold": [0.1]}, "box_threshold", "must be a number"),
        ({"box_threshold": {}}, "box_threshold", "must be a number"),
        ({"detect_language": True, "detectLanguage": True}, "detectLanguage", "is there twice"),
        ('{"pages": "1", "pages": "2"}', "pages", "twice"),
        ('{"documents": [{"name": "a", "name": "b"}]}', "name", "twice"),
    ],
    ids=str,
)
def test_what_would_be_lost_or_guessed_at_is_refused_by_name(body: Any, field: str, said: str) -> None:
    error = refused(body)
    assert (error.code, error.field) == ("INVALID_ARGUMENT", field)
    assert said in error.message
    assert "271828" not in error.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detection_batch_size": 2.5}, "detection_batch_size"),
        ({"detection_batch_size": 99999999999}, "detection_batch_size"),
        ({"detection_batch_size": "two"}, "detection_batch_size"),
        ({"detection_batch_size": True}, "detection_batch_size"),
        ({"box_threshold": "high"}, "box_threshold"),
        (one("", name="\ud800"), "name"),
    ],
    ids=str,
)
def test_a_number_that_is_none_is_refused_by_name(body: Any, said: str) -> None:
    error = refused(body)
    assert error.code == "INVALID_ARGUMENT"
    assert said in error.message


def test_null_is_an_absent_field() -> None:
    request = read('{"documents": null, "pages": null, "detect_language": null}')
    assert request == ocr_pb2.OCRRequest()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "line 1 column 1"),
        (b"hello", "line 1 column 1"),
        (b'{"documents": [', "line 1 column 16"),
        (b"{'documents': []}", "double quotes"),
        (b'{"documents": []} x', "Extra data"),
        (b'{"documents": []}{}', "Extra data"),
        (b"[]", "it is no object"),
        (b"null", "it is no object"),
        (b'"text"', "it is no object"),
        (b'{"box_threshold": NaN}', "NaN is no JSON"),
        (b'{"box_threshold": -Infinity}', "-Infinity is no JSON"),
        (b'{"detection_batch_size": ' + b"9" * 5000 + b"}", "a number has too many digits"),
        (b'{"a":' * 20_000, "nested too deeply"),
        (gzip.compress(b"{}"), "it is compressed; send it as it is"),
        ("{}".encode("utf-16"), "it is not in UTF-8 (at byte 0)"),
        (b'{"pages": "\xfc"}', "it is not in UTF-8 (at byte 11)"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 30, "it is the document itself"),
        (b"%PDF-1.7\n", "it is the document itself"),
        (b"--x\r\nContent-Disposition: form-data", "it looks like a form, which POST /ocr takes"),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else "",
)
def test_what_is_no_json_is_refused_as_what_it_is(body: bytes, said: str) -> None:
    error = refused(body)
    assert (error.code, error.field) == ("INVALID_ARGUMENT", "body")
    assert said in error.message
    assert '{"documents": [{"content": "<base64>"}]}' in error.message


def test_a_mark_of_utf_8_is_passed_over() -> None:
    assert read(b'\xef\xbb\xbf{"pages": "1"}').pages == "1"


def test_a_field_beside_the_json_is_refused() -> None:
    message = ocr_pb2.OCRRequest(pages="1")
    message.body.content_type = "application/json"
    with pytest.raises(InvalidRequestError, match="a body of JSON is the whole request; put pages into it"):
        request_of(message, SETTINGS)


@pytest.mark.parametrize("piece", ["{},", "[],", '{"content":""},', '{"a":1},', "1,", '"",'])
def test_json_of_many_small_values_is_refused_before_it_is_objects(piece: str) -> None:
    body = f'{{"documents":[{piece * (4 * MIB // len(piece))}{{}}]}}'
    started = time.thread_time()
    error = refused(body)
    assert isinstance(error, RequestTooLargeError)
    assert "more fields than 4 documents need" in error.message
    assert time.thread_time() - started < 0.5


def test_what_the_limits_allow_is_never_too_many_fields() -> None:
    text = {"name": "{" * 255, "pdf_password": "," * 1024, "content_type": "image/png"}
    request = read({"documents": [{**text, "content": CONTENT}] * 4, "pages": "1," * 4096})
    assert len(documents_of(request, SETTINGS)) == 4


def test_more_documents_than_there_may_be_are_told_to_be_too_many() -> None:
    error = refused({"documents": [{"content": CONTENT}] * 5})
    assert isinstance(error, RequestTooLargeError)
    assert "more than 4 documents" in error.message


@pytest.mark.parametrize(
    "body",
    [
        "{" + "".join(f'"{number}": 1, ' for number in range(20_000)) + '"0": 1}',
        json.dumps({"documents": [{}] * 9000}),
        json.dumps({"documents": [{"name": "," * 20_000}]}),
    ],
    ids=["names", "documents", "a name"],
)
def test_json_at_the_bound_costs_little(body: str) -> None:
    started = time.thread_time()
    with contextlib.suppress(DoctrServeError):
        read(body)
    assert time.thread_time() - started < 0.5
