"""Envoy's parts of the REST routes, made from the contract's ``google.api.http`` annotations.

``scripts/generate_envoy.py`` writes them into ``envoy/envoy.yaml``: a method with an annotation, or a field of its
request, becomes part of REST by the contract alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, ServiceDescriptor

from doctr_serve.edge.json_routes import json_routes, no_query, too_large
from doctr_serve.edge.rest_methods import RestMethod, rest_methods
from doctr_serve.edge.route_parts import Alias, any_of, header, longer_than, path_match, refusal, reply

__all__ = ["sections"]

HEALTH = "GET /health"
"""Answered by Envoy's own health check filter, so no method of the contract."""
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


def sections(service: ServiceDescriptor, *, max_request_bytes: int, max_json_bytes: int) -> dict[str, Any]:
    """Returns Envoy's configuration of the service's REST methods, by the name of the part of ``envoy.yaml``.

    Args:
        service: what the transcoder serves.
        max_request_bytes: longest body of an upload, which passes through Envoy.
        max_json_bytes: longest body of JSON, which Envoy holds until all of it is there.
    """
    methods = rest_methods(service)
    by_path = [list(group) for _, group in groupby(methods, key=lambda method: method.path)]
    verbs = sorted({"GET", "POST", *(method.verb for method in methods)})  # gRPC-web takes POST
    names = ", ".join([*(f"{method.verb} {method.path}" for method in methods), HEALTH])
    return {
        "wrong parameters": [reply for group in by_path for reply in _wrong_parameters(group)],
        "large JSON": list(too_large(methods, max_json_bytes)),
        "paths": [reply(404, 5, f"no such path; there are {names}, and the gRPC services")],
        "services": {"services": [service.full_name]},
        "verbs": {"allow_methods": ", ".join([*verbs, "OPTIONS"])},
        "routes": [route for group in by_path for route in _routes(group, max_request_bytes, max_json_bytes)],
    }


def _only_method(group: list[RestMethod], method: RestMethod) -> list[dict[str, Any]]:
    """The header that tells the method from others of its path."""
    return [header(":method", exact=method.verb)] if len(group) > 1 else []


def _routes(group: list[RestMethod], max_request_bytes: int, max_json_bytes: int) -> Iterator[dict[str, Any]]:
    """The routes of one path: what is refused, what is forwarded, and 405 for what is left."""
    path = path_match(group[0])
    others = [method for method in group if not method.is_json]
    for method in group:
        if method.is_json:
            yield from json_routes(method, max_json_bytes)
    if others:
        yield from _refused(group, others, max_request_bytes)
    for method in others:
        yield {
            "match": {**path, "headers": [header(":method", exact=method.verb)]},
            "response_headers_to_remove": ["grpc-accept-encoding"],
            "route": Alias("ocr_servers"),
        }
    allowed = ", ".join(method.verb for method in group)
    yield {
        **refusal(path, 405, f"{group[0].path} takes {allowed}"),
        "response_headers_to_add": [{"header": {"key": "allow", "value": allowed}}],
    }


def _refused(
    group: list[RestMethod], methods: list[RestMethod], max_request_bytes: int
) -> Iterator[dict[str, Any]]:
    """The routes of one path that answer before a server is asked: 413, and 400 for what is no parameter."""
    path = path_match(group[0])
    if any(method.body for method in methods):
        yield refusal({**path, "headers": [longer_than(max_request_bytes)]}, 413)
    # The transcoder passes over a parameter without "=", even with reject_unknown_query_parameters, and decodes
    # names, so that an encoded one would get past the match below. No name of ours needs encoding.
    no_pair = header(":path", regex=r"[^?]*\?(.*&)?([^=&]+(&.*)?|[^=&]*%[^=&]*=.*)")
    yield refusal({**path, "headers": [no_pair]}, 400, NOT_NAME_VALUE)
    for method in methods:
        if method.no_parameters:
            verb = "are no query parameters" if len(method.no_parameters) > 1 else "is no query parameter"
            # Names as the transcoder takes them: the field's and its JSON name.
            fields = [method.request.fields_by_name[name] for name in method.no_parameters]
            names = dict.fromkeys(name for field in fields for name in (field.name, field.json_name))
            either = "|".join(names)
            query = header(":path", regex=rf".*[?&]({either})([.=&].*)?")
            yield refusal(
                {**path, "headers": [query, *_only_method(group, method)]},
                400,
                f"{' and '.join(method.no_parameters)} {verb}",
            )


def _wrong_parameters(group: list[RestMethod]) -> Iterator[dict[str, Any]]:
    """The answers of one path to query parameters that are unknown or of the wrong type."""
    for method in group:
        if method.is_json:
            yield no_query(method)
        if not method.parameters:
            continue
        of_type: dict[str, list[str]] = {}
        for field in method.parameters:
            word = TYPE_WORDS[field.cpp_type] + (", any number of times" if field.is_repeated else "")
            of_type.setdefault(word, []).append(field.name)
        known = "; ".join(f"{', '.join(names)} ({word})" for word, names in of_type.items())
        of_method = f"the query parameters of {method.verb} {method.path}, each at most once: {known}"
        here = [header(":path", regex=rf"{method.path_regex}(\?.*)?"), *_only_method(group, method)]
        yield reply(400, 3, f"%LOCAL_REPLY_BODY% ({of_method})", *(any_of(each) for each in here))
