"""Options are the proto's everywhere, with the server's defaults: none can change without the others."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import generate_docs
import generate_protos
import pytest
from doctr_serve.options import ReadingOptions
from doctr_serve.v1 import ocr_pb2
from doctr_serve_client.options import OPTIONS, to_request
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor

NOT_OPTIONS = {"documents", "body"}
PYTHON_TYPES = {
    FieldDescriptor.TYPE_STRING: str,
    FieldDescriptor.TYPE_BOOL: bool,
    FieldDescriptor.TYPE_INT32: int,
    FieldDescriptor.TYPE_DOUBLE: float,
}
DEFAULTS = {field.name: field.default for field in fields(ReadingOptions)}
WORDS_OF_DEFAULTS = {True: "on", False: "off"}
"""How the help of a flag writes a default that it does not write as the contract does."""
WORDS_OF_ALL = {
    "pages": "all pages",
    "allowed_characters": "all that the model knows",
    "ignore_regions": "none",
}
"""How both write the default of an option that restricts nothing while it is empty."""
AN_EXAMPLE = {str: "text", bool: False, int: 0, float: 0.0, list[str]: ["text"]}


def test_the_clients_options_are_the_protos_with_their_types_and_order():
    fields = [field for field in ocr_pb2.OCRRequest.DESCRIPTOR.fields if field.name not in NOT_OPTIONS]

    assert [(name, kind) for name, (kind, _) in OPTIONS.items()] == [
        (field.name, list[PYTHON_TYPES[field.type]] if field.is_repeated else PYTHON_TYPES[field.type])
        for field in fields
    ]


def test_every_option_is_known_to_be_set_even_when_it_is_false_or_zero():
    for name, (kind, _) in OPTIONS.items():
        request = to_request({name: AN_EXAMPLE[kind]})

        assert [field.name for field, _ in request.ListFields()] == [name]


def proto_comments(folder: Path) -> dict[str, str]:
    """The comment of every field of ``OCRRequest``, on one line."""
    descriptor_set = folder / "with-comments.pb"
    arguments = ("--include_source_info", f"--descriptor_set_out={descriptor_set}", generate_protos.CONTRACT)
    generate_protos.run_protoc(*arguments)
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set.read_bytes()).file
    names = [message.name for message in file.message_type]
    field_path = [file.MESSAGE_TYPE_FIELD_NUMBER, names.index("OCRRequest"), 2]  # 2: DescriptorProto.field
    request = file.message_type[names.index("OCRRequest")]
    return {
        request.field[location.path[3]].name: " ".join(location.leading_comments.split())
        for location in file.source_code_info.location
        if len(location.path) == 4 and list(location.path[:3]) == field_path
    }


def readme_rows() -> dict[str, tuple[str, str]]:
    """Option -> (default, meaning) of the README's table of options."""
    section = generate_docs.README.read_text(encoding="utf-8").split("## Options\n")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in row.strip("| ").split(" | ")]
        for row in section.splitlines()
        if row.startswith("| `")
    ]
    return {name.strip("`"): (default.strip("`"), meaning) for name, default, meaning in rows}


def as_the_contract_writes_it(default: object) -> str:
    """``true``, ``0.1``, ``db_resnet50``."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_servers_options_are_the_protos_in_its_order() -> None:
    names = [field.name for field in ocr_pb2.OCRRequest.DESCRIPTOR.fields if field.name not in NOT_OPTIONS]
    assert list(DEFAULTS) == names


def test_the_readmes_options_are_the_protos_in_its_order_with_the_servers_defaults() -> None:
    rows = readme_rows()
    assert {name: default for name, (default, _) in rows.items()} == {
        name: {"": "all", (): "none"}.get(default) or as_the_contract_writes_it(default)
        for name, default in DEFAULTS.items()
    }
    assert list(rows) == list(DEFAULTS)
    assert all(meaning for _, meaning in rows.values())


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_contracts_comment_and_the_flags_help_name_the_servers_default(name: str, tmp_path: Path) -> None:
    default = DEFAULTS[name]
    in_contract = WORDS_OF_ALL[name] if default in ("", ()) else as_the_contract_writes_it(default)
    in_help = WORDS_OF_DEFAULTS[default] if isinstance(default, bool) else default
    if default in ("", ()):
        in_help = in_contract
    if name in ("layout_model", "table_model"):
        in_contract = f"`{default}`"
    elif name.endswith("_model"):  # a setting of the server
        in_contract, in_help = (
            f"the server's setting, `{default}` unless changed",
            f"the server's ({default})",
        )

    assert re.search(rf"Default: {re.escape(in_contract)}\.$", proto_comments(tmp_path)[name])
    assert OPTIONS[name][1].endswith(f"Default: {in_help}.")
