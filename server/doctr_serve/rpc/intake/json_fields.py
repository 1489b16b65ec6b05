"""The fields of a request that arrived as JSON, checked before protobuf's parser makes a message of them.

That parser says of some fields no more than that they are wrong, quotes the content of others, and guesses at base64
with other characters in it, so that a data: address becomes bytes of no format.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from doctr_serve.decoder.encoded_text import guess_encoding
from doctr_serve.errors import InvalidRequestError
from doctr_serve.rpc.intake.limits import QUOTED_CHARACTERS

__all__ = ["check_fields", "quoted"]

RAW_BODY = "google.api.HttpBody"
"""The type of the fields that gateways set, and callers of REST do not."""
HEAD_CHARACTERS = 4096
"""Of a content that is no base64, looked at to tell what it is."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_\- \t\r\n]*(?:=[ \t\r\n]*){0,2}")
_SPACES = str.maketrans("", "", " \t\r\n")


def check_fields(given: dict[str, Any], message: Descriptor, where: str = "") -> None:
    """Returns where an object may be parsed as a message; brings the base64 in it into the form that parsers share.

    Args:
        given: the object; null stands for an absent field, as protobuf has it.
        message: of which message.
        where: its path, ``documents[0]``, empty for the whole.

    Raises:
        InvalidRequestError: a field that there is not, or of a wrong kind; a field twice, by its two names.
    """
    known = {
        name: field
        for field in message.fields
        for name in (field.name, field.json_name)
        if field.message_type is None or field.message_type.full_name != RAW_BODY
    }
    seen: set[str] = set()
    for name, value in given.items():
        path = f"{where}.{quoted(name)}" if where else quoted(name)
        if name not in known:
            names = ", ".join(dict.fromkeys(field.name for field in known.values()))
            raise InvalidRequestError(
                f"there is no field '{path}' in the JSON of a request; there are {names}", field=path
            )
        field = known[name]
        if field.name in seen:
            raise InvalidRequestError(
                f"'{path}' is there twice, as {field.name} and {field.json_name}", field=path
            )
        seen.add(field.name)
        if value is not None:
            given[name] = _checked(value, field, path)


def _checked(value: Any, field: FieldDescriptor, path: str) -> Any:
    if not field.is_repeated:
        return _checked_one(value, field, path)
    if not isinstance(value, list):
        raise _of_wrong_kind(path, "a list")
    return [_checked_one(each, field, f"{path}[{index}]") for index, each in enumerate(value)]


def _checked_one(value: Any, field: FieldDescriptor, path: str) -> Any:
    if field.message_type is not None:
        if not isinstance(value, dict):
            raise _of_wrong_kind(path, "an object")
        check_fields(value, field.message_type, path)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        return _base64(value, path)
    elif field.type == FieldDescriptor.TYPE_STRING and not isinstance(value, str):
        raise _of_wrong_kind(path, "a string")
    elif field.type == FieldDescriptor.TYPE_BOOL and not isinstance(value, bool):
        raise _of_wrong_kind(path, "true or false, without quotes")
    elif isinstance(value, dict | list):
        raise _of_wrong_kind(path, "a number")
    return value


def _base64(value: Any, path: str) -> str:
    """Returns the base64 without the line breaks in it."""
    if not isinstance(value, str):
        raise _of_wrong_kind(path, "the file's bytes in base64, a string")
    end = _BASE64.match(value).end()  # type: ignore[union-attr]  # it matches nothing at least
    if end < len(value):
        if guess_encoding(value[:HEAD_CHARACTERS].encode("utf-8", "replace")) == "a data: address":
            problem = "is a data: address; send what follows its comma alone"
        else:
            problem = f"is no base64: it has '{quoted(value[end])}' at character {end + 1}"
        raise InvalidRequestError(f"{path} {problem}", field=path)
    text = value.translate(_SPACES)
    if len(text.rstrip("=")) % 4 == 1:
        raise InvalidRequestError(f"{path} is no base64: it breaks off in the middle of a byte", field=path)
    return text


def _of_wrong_kind(path: str, kind: str) -> InvalidRequestError:
    return InvalidRequestError(f"{path} must be {kind}", field=path)


def quoted(text: str, characters: int = QUOTED_CHARACTERS) -> str:
    """Returns the text, or its beginning, as a message may have it: JSON has half characters, which UTF-8 has not."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= characters else f"{text[:characters]}…"
