"""A request that arrived as JSON: what REST's ``/v1/documents:read`` and ``/v1/documents:stream`` take.

The mapping is protobuf's own (https://protobuf.dev/programming-guides/json), read strictly: see ``json_fields.py``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from google.protobuf import json_format

from doctr_serve.decoder.formats import sniff_format
from doctr_serve.documents import DocumentQuota
from doctr_serve.errors import InvalidRequestError, RequestTooLargeError
from doctr_serve.rpc.intake.form_faults import COMPRESSED, is_compressed
from doctr_serve.rpc.intake.json_fields import check_fields, quoted
from doctr_serve.rpc.intake.limits import MAX_NAME_CHARACTERS, MAX_PASSWORD_BYTES
from doctr_serve.rpc.intake.wire import max_fields_for
from doctr_serve.v1 import ocr_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from doctr_serve.settings import Settings

__all__ = ["request_of"]

JSON_TYPE = "application/json"
TEXT_OF_OPTIONS = 16 * 1024
"""Characters of a request's options, ``pages`` most of them, each of which may be a comma."""


def request_of(request: ocr_pb2.OCRRequest, settings: Settings) -> ocr_pb2.OCRRequest:
    """Returns the request that is in a request's ``body`` as JSON; the request itself where that is no JSON.

    Raises:
        InvalidRequestError: it is malformed, or something else than a request; the message names the field.
        RequestTooLargeError: it has more documents than ``max_documents``, or more fields than these need.
    """
    media_type = request.body.content_type.partition(";")[0].strip().lower()
    if media_type != JSON_TYPE:
        return request
    for field, _ in request.ListFields():
        if field.name != "body":
            raise InvalidRequestError(
                f"a body of JSON is the whole request; put {field.name} into it", field=field.name
            )
    _check_size(request.body.data, settings)
    given = _parsed(request.body.data)
    if isinstance(given.get("documents"), list):  # before any of them is looked at
        DocumentQuota(settings.max_documents).take(len(given["documents"]))
    check_fields(given, cast("Descriptor", ocr_pb2.OCRRequest.DESCRIPTOR))
    try:
        return json_format.ParseDict(given, ocr_pb2.OCRRequest())
    except json_format.ParseError as error:  # a number out of its range, half a character
        raise InvalidRequestError(f"the JSON is no request: {quoted(str(error), 200)}") from error


def _check_size(body: bytes, settings: Settings) -> None:
    """Refuses JSON that is small as text and large as objects: what separates them is counted, in strings too."""
    text_per_document = MAX_NAME_CHARACTERS + MAX_PASSWORD_BYTES
    most = (
        TEXT_OF_OPTIONS + max_fields_for(settings.max_documents) + text_per_document * settings.max_documents
    )
    if sum(body.count(sign) for sign in (b"{", b"[", b",")) > most:
        raise RequestTooLargeError(
            f"the JSON has more fields than {settings.max_documents} documents need; send several requests, or ask "
            "the operator to raise max_documents",
            field="documents",
        )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_without_repetition, parse_constant=_no_constant
        )
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _malformed(_what_it_is(body, error)) from error
    except RecursionError as error:
        raise _malformed("it is nested too deeply") from error
    except ValueError as error:  # what int() does not take
        raise _malformed("a number has too many digits") from error
    if not isinstance(parsed, dict):
        raise _malformed("it is no object")
    return parsed


def _what_it_is(body: bytes, error: json.JSONDecodeError | UnicodeDecodeError) -> str:
    if is_compressed(body):
        return COMPRESSED
    if sniff_format(body) is not None:
        return "it is the document itself; send it in base64 as a document's content"
    if body.startswith(b"--"):
        return "it looks like a form, which POST /ocr takes"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not in UTF-8 (at byte {error.start})"
    return str(error)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidRequestError(
                f"the JSON has '{quoted(name)}' twice in one object", field=quoted(name)
            )
        found[name] = value
    return found


def _no_constant(name: str) -> float:
    raise _malformed(f"{name} is no JSON")


def _malformed(problem: str) -> InvalidRequestError:
    return InvalidRequestError(
        f'the body is not well-formed JSON: {problem}; send {{"documents": [{{"content": "<base64>"}}]}}',
        field="body",
    )
