"""What parts of Envoy's routes are made of: matches of paths and headers, answers in the contract's form."""

from __future__ import annotations

from typing import Any

from doctr_serve.edge.rest_methods import RestMethod

__all__ = ["MAX_CONTENT_LENGTH", "Alias", "any_of", "header", "longer_than", "path_match", "refusal", "reply"]

MAX_CONTENT_LENGTH = 2**63 - 1


class Alias(str):
    """The name of a YAML anchor that ``envoy.yaml`` defines above the generated parts."""


def path_match(method: RestMethod) -> dict[str, Any]:
    """The match of a method's path."""
    return {"safe_regex": {"regex": method.path_regex}}


def header(name: str, **match: str) -> dict[str, Any]:
    """The match of a header, or of a part of the request line such as ``:method``, by its text.

    Args:
        name: its name.
        match: ``regex``, for the whole of it, or one of Envoy's other kinds of match: ``exact``, ``prefix``.
    """
    regex = match.get("regex")
    return {"name": name, "string_match": {"safe_regex": {"regex": regex}} if regex else match}


def longer_than(max_bytes: int) -> dict[str, Any]:
    """The match of requests that say of their body that it is longer."""
    return {
        "name": "content-length",
        "range_match": {"start": max_bytes + 1, "end": MAX_CONTENT_LENGTH},
    }


def refusal(match: dict[str, Any], status: int, message: str = "") -> dict[str, Any]:
    """The route of requests that Envoy answers itself."""
    body = {"body": {"inline_string": message}} if message else {}
    return {"match": match, "direct_response": {"status": status, **body}}


def any_of(*headers: dict[str, Any]) -> dict[str, Any]:
    """The filter of answers to requests that have one of these headers."""
    filters = [{"header_filter": {"header": header}} for header in headers]
    return filters[0] if len(filters) == 1 else {"or_filter": {"filters": filters}}


def reply(status: int, code: int, message: str, *filters: dict[str, Any]) -> dict[str, Any]:
    """An answer of Envoy's own, in the contract's form, to requests that all the filters take."""
    by_status: dict[str, Any] = {
        "status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": status}}}
    }
    return {
        "filter": {"and_filter": {"filters": [by_status, *filters]}} if filters else by_status,
        "body_format_override": {"json_format": {"code": code, "message": message, "details": []}},
    }
