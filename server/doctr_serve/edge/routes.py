"""Envoy's parts of the REST routes, made from the contract's ``google.api.http`` annotations.

``scripts/generate_envoy.py`` writes them into ``envoy/envoy.yaml``: a method with an annotation, or a field of its
request, becomes part of REST by the contract alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, ServiceDescriptor

from doctr_serve.edge.rest_methods import RestMethod, rest_methods

__all__ = ["Alias", "sections"]

HEALTH = "GET /health"
"""Answered by Envoy's own health check filter, so no method of the contract."""
MAX_CONTENT_LENGTH = 2**63 - 1
NOT_NAME_VALUE = "query parameters are written name=value, their names unencoded: detect_language=true"
TYPE_WORDS = {
    FieldDescriptor.CPPTYPE_STRING: "text",
    FieldDescriptor.CPPTYPE_BOOL: "true or false",
    FieldDescriptor.CPPTYPE_INT32: "integers",
    FieldDescriptor.CPPTYPE_INT64: "integers",
    FieldDescriptor.CPPTYPE_UINT32: "integers",
    FieldDescriptor.CPPTYPE_UINT64: "integers",
    FieldDescriptor.CPPTYPE_FLOAT: "numbers",
    FieldDescriptor.CPPTYPE_DOUBLE: "numbers",
    FieldDescriptor.CPPTYPE_ENUM: "names",
}
"""What callers may write for a field of each type."""


class Alias(str):
    """The name of a YAML anchor that ``envoy.yaml`` defines above the generated parts."""


def sections(service: ServiceDescriptor, *, max_request_bytes: int) -> dict[str, Any]:
    """Returns Envoy's configuration of the service's REST methods, by the name of the part of ``envoy.yaml``.

    Args:
        service: what the transcoder serves.
        max_request_bytes: longest body of a request.
    """
    methods = rest_methods(service)
    by_path = [list(group) for _, group in groupby(methods, key=lambda method: method.path)]
    verbs = sorted({"GET", "POST", *(method.verb for method in methods)})  # gRPC-web takes POST
    names = ", ".join([*(f"{method.verb} {method.path}" for method in methods), HEALTH])
    return {
        "wrong parameters": [reply for group in by_path for reply in _wrong_parameters(group)],
        "paths": [_reply(404, 5, f"no such path; there are {names}, and the gRPC services")],
        "services": {"services": [service.full_name]},
        "verbs": {"allow_methods": ", ".join([*verbs, "OPTIONS"])},
        "routes": [route for group in by_path for route in _routes(group, max_request_bytes)],
    }


def _path_match(method: RestMethod) -> dict[str, Any]:
    return {"safe_regex": {"regex": method.path_regex}}


def _header(name: str, **match: str) -> dict[str, Any]:
    regex = match.get("regex")
    return {"name": name, "string_match": {"safe_regex": {"regex": regex}} if regex else match}


def _only_method(group: list[RestMethod], method: RestMethod) -> list[dict[str, Any]]:
    """The header that tells the method from others of its path."""
    return [_header(":method", exact=method.verb)] if len(group) > 1 else []


def _routes(group: list[RestMethod], max_request_bytes: int) -> Iterator[dict[str, Any]]:
    """The routes of one path: what is refused, what is forwarded, and 405 for what is left."""
    yield from _refused(group, max_request_bytes)
    path = _path_match(group[0])
    for method in group:
        yield {
            "match": {**path, "headers": [_header(":method", exact=method.verb)]},
            "response_headers_to_remove": ["grpc-accept-encoding"],
            "route": Alias("ocr_servers"),
        }
    allowed = ", ".join(method.verb for method in group)
    yield {
        "match": path,
        "direct_response": {"status": 405, "body": {"inline_string": f"{group[0].path} takes {allowed}"}},
        "response_headers_to_add": [{"header": {"key": "allow", "value": allowed}}],
    }


def _refused(group: list[RestMethod], max_request_bytes: int) -> Iterator[dict[str, Any]]:
    """The routes of one path that answer before a server is asked: 413, and 400 for what is no parameter."""
    path = _path_match(group[0])
    if any(method.body for method in group):
        too_long = {"start": max_request_bytes + 1, "end": MAX_CONTENT_LENGTH}
        yield {
            "match": {**path, "headers": [{"name": "content-length", "range_match": too_long}]},
            "direct_response": {"status": 413},
        }
    yield {
        # The transcoder passes over a parameter without "=", even with reject_unknown_query_parameters, and decodes
        # names, so that an encoded one would get past the match below. No name of ours needs encoding.
        "match": {
            **path,
            "headers": [_header(":path", regex=r"[^?]*\?(.*&)?([^=&]+(&.*)?|[^=&]*%[^=&]*=.*)")],
        },
        "direct_response": {"status": 400, "body": {"inline_string": NOT_NAME_VALUE}},
    }
    for method in group:
        if method.no_parameters:
            verb = "are no query parameters" if len(method.no_parameters) > 1 else "is no query parameter"
            # Names as the transcoder takes them: the field's and its JSON name.
            fields = [method.request.fields_by_name[name] for name in method.no_parameters]
            names = dict.fromkeys(name for field in fields for name in (field.name, field.json_name))
            either = "|".join(names)
            query = _header(":path", regex=rf".*[?&]({either})([.=&].*)?")
            yield {
                "match": {**path, "headers": [query, *_only_method(group, method)]},
                "direct_response": {
                    "status": 400,
                    "body": {"inline_string": f"{' and '.join(method.no_parameters)} {verb}"},
                },
            }


def _wrong_parameters(group: list[RestMethod]) -> Iterator[dict[str, Any]]:
    """The answers of one path to query parameters that are unknown or of the wrong type."""
    for method in group:
        if not method.parameters:
            continue
        of_type: dict[str, list[str]] = {}
        for field in method.parameters:
            word = TYPE_WORDS[field.cpp_type] + (", any number of times" if field.is_repeated else "")
            of_type.setdefault(word, []).append(field.name)
        known = "; ".join(f"{', '.join(names)} ({word})" for word, names in of_type.items())
        of_method = f"the query parameters of {method.verb} {method.path}, each at most once: {known}"
        here = [_header(":path", regex=rf"{method.path_regex}(\?.*)?"), *_only_method(group, method)]
        yield _reply(400, 3, f"%LOCAL_REPLY_BODY% ({of_method})", *here)


def _reply(status: int, code: int, message: str, *headers: dict[str, Any]) -> dict[str, Any]:
    """An answer of Envoy's own, in the contract's form, to requests with these headers."""
    by_status: dict[str, Any] = {
        "status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": status}}}
    }
    filters = [by_status, *({"header_filter": {"header": header}} for header in headers)]
    return {
        "filter": {"and_filter": {"filters": filters}} if headers else by_status,
        "body_format_override": {"json_format": {"code": code, "message": message, "details": []}},
    }
