"""The client's options are the proto's: neither can change without the other."""

from __future__ import annotations

from doctr_serve.v1 import ocr_pb2
from doctr_serve_client.options import OPTIONS, to_request
from google.protobuf.descriptor import FieldDescriptor

NOT_OPTIONS = {"documents", "body"}
PYTHON_TYPES = {
    FieldDescriptor.TYPE_STRING: str,
    FieldDescriptor.TYPE_BOOL: bool,
    FieldDescriptor.TYPE_INT32: int,
    FieldDescriptor.TYPE_DOUBLE: float,
}
AN_EXAMPLE = {str: "text", bool: False, int: 0, float: 0.0}


def test_the_clients_options_are_the_protos_with_their_types_and_order():
    fields = [field for field in ocr_pb2.OCRRequest.DESCRIPTOR.fields if field.name not in NOT_OPTIONS]

    assert [(name, kind) for name, (kind, _) in OPTIONS.items()] == [
        (field.name, PYTHON_TYPES[field.type]) for field in fields
    ]


def test_every_option_is_known_to_be_set_even_when_it_is_false_or_zero():
    for name, (kind, _) in OPTIONS.items():
        request = to_request({name: AN_EXAMPLE[kind]})

        assert [field.name for field, _ in request.ListFields()] == [name]
