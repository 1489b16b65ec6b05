"""Serialised messages that are refused before they are parsed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import DoctrServeError, InvalidRequestError, RequestTooLargeError
from doctr_serve.rpc.intake.incoming import interruptible
from doctr_serve.rpc.intake.limits import MAX_IGNORED_REGIONS
from doctr_serve.rpc.intake.wire import RefusedMessage, checked, max_fields_for
from doctr_serve.v1 import ocr_pb2
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

MAX_DOCUMENTS = 64


def parsed(serialized: bytes) -> ocr_pb2.OCRRequest | RefusedMessage:
    deserialize = checked(ocr_pb2.OCRRequest.FromString, max_fields=max_fields_for(MAX_DOCUMENTS))
    assert deserialize is not None
    return deserialize(serialized)


def refusal(serialized: bytes) -> DoctrServeError:
    refused = parsed(serialized)
    assert isinstance(refused, RefusedMessage)
    return refused.error


def full_request() -> ocr_pb2.OCRRequest:
    """As much as a caller may send: every option, and every field of every document."""
    document = ocr_pb2.Document(name="a", content=b"x", content_type="b", pdf_password="c", continued=True)
    request = ocr_pb2.OCRRequest(documents=[document] * (MAX_DOCUMENTS + 1))
    for field in request.DESCRIPTOR.fields:
        if field.is_repeated and field.message_type is None:
            getattr(request, field.name).extend(["1"] * MAX_IGNORED_REGIONS)
        elif field.message_type is None:
            setattr(request, field.name, "1" if field.type == field.TYPE_STRING else 1)
    request.body.content_type, request.body.data = "d", b"e"
    return request


def test_whatever_a_caller_may_send_is_parsed_as_ever() -> None:
    for request in (full_request(), ocr_pb2.OCRRequest()):
        assert parsed(request.SerializeToString()) == request


def test_fields_of_later_versions_are_no_reason_to_refuse() -> None:
    unknown = b"\xf8\x07\x01" + b"\xfd\x07\0\0\0\0" + b"\xf9\x07" + bytes(8) + b"\xfb\x07\x08\x01\xfc\x07"
    request = full_request()
    parsed_request = parsed(request.SerializeToString() + unknown)
    assert isinstance(parsed_request, ocr_pb2.OCRRequest)
    assert parsed_request.pages == request.pages


def in_a_field(number: int, content: bytes) -> bytes:
    return bytes(_varint(number << 3 | 2)) + bytes(_varint(len(content))) + content


def _varint(value: int) -> list[int]:
    return [value] if value < 128 else [value & 127 | 128, *_varint(value >> 7)]


TOO_MANY = {
    "documents": in_a_field(30, b"") * 1000,
    "continued documents": in_a_field(30, b"\x28\x01") * 1000,
    "names of one document": in_a_field(30, in_a_field(1, b"x") * 1000),
    "extensions of a form": in_a_field(31, in_a_field(3, b"") * 1000),
    "options": b"\x18\x01" * 1000,
    "unknown fields": b"\xf8\x07\x01" * 1000,
    "groups": b"\xfb\x07\xfc\x07" * 1000,
}


@pytest.mark.parametrize("case", TOO_MANY)
def test_a_message_of_too_many_fields_is_refused(case: str) -> None:
    error = refusal(TOO_MANY[case])
    assert isinstance(error, RequestTooLargeError)
    assert "more than 584 fields" in error.message


@pytest.mark.parametrize(
    "garbage", [b"\xff", b"\xff" * 100, b"\0", b"\xf2\x01\x7f", b"\x0a\x01\xff", b"\x0f", b"GET / "]
)
def test_what_is_no_message_is_refused(garbage: bytes) -> None:
    error = refusal(garbage)
    assert isinstance(error, InvalidRequestError)
    assert "no serialised doctr_serve.v1.OCRRequest" in error.message


@given(st.binary(max_size=200))
def test_garbage_is_parsed_as_protobuf_would_or_refused(garbage: bytes) -> None:
    result = parsed(garbage)
    if isinstance(result, RefusedMessage):
        with pytest.raises(DecodeError):
            ocr_pb2.OCRRequest.FromString(garbage)
    else:
        assert result == ocr_pb2.OCRRequest.FromString(garbage)


def test_what_is_refused_is_raised_where_the_call_takes_its_messages() -> None:
    messages = interruptible(
        iter([ocr_pb2.OCRRequest(), parsed(b"\xff"), ocr_pb2.OCRRequest()]), Interrupt(30)
    )
    assert next(messages) == ocr_pb2.OCRRequest()
    with pytest.raises(InvalidRequestError, match="no serialised"):
        next(messages)


def test_what_is_no_message_s_deserializer_stays_as_it_is() -> None:
    assert checked(None, max_fields=1) is None
    assert checked(bytes.hex, max_fields=1) is bytes.hex


MEASURE = """
import json, sys
from doctr_serve.rpc.intake.wire import checked, max_fields_for
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2

def resident_bytes(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(key))

serialized = bytes.fromhex(sys.argv[1]) * (Settings().max_message_bytes // (len(sys.argv[1]) // 2))
before = resident_bytes("VmRSS")
checked(ocr_pb2.OCRRequest.FromString, max_fields=max_fields_for(Settings().max_documents))(serialized)
print(json.dumps(resident_bytes("VmHWM") - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize("unit", ["f20100", "f201022801", "fa01021a00", "fb07fc07"])
def test_the_largest_message_of_the_smallest_parts_takes_little_memory(unit: str) -> None:
    """Eight MiB of empty documents would be 270 MiB of objects."""
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, unit], capture_output=True, text=True, check=True
    )
    assert json.loads(measured.stdout) < 20 * 2**20
