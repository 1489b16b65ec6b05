"""Envoy's parts of the REST routes whose body is the whole request as JSON (``body: "*"`` in the contract).

Envoy checks what it is told in the headers, and holds the body until all of it is there; the server reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from doctr_serve.edge.rest_methods import RestMethod
from doctr_serve.edge.route_parts import Alias, any_of, header, longer_than, path_match, refusal, reply

__all__ = ["json_routes", "no_query", "too_large"]

CONTENT_TYPE = r'(?i)application/json\s*(;\s*(charset="?utf-8"?)?\s*)?'


def json_routes(method: RestMethod, max_bytes: int) -> Iterator[dict[str, Any]]:
    """The routes of one method: what is refused by its headers, and what is forwarded.

    Args:
        method: one whose body is JSON.
        max_bytes: longest body.
    """
    name = f"{method.verb} {method.path}"

    def matching(*headers: dict[str, Any]) -> dict[str, Any]:
        return {**path_match(method), "headers": [header(":method", exact=method.verb), *headers]}

    yield refusal(matching(longer_than(max_bytes)), 413)
    yield refusal(
        matching(
            {"name": "content-encoding", "present_match": True},
            {**header("content-encoding", exact="identity"), "invert_match": True},
        ),
        415,
        f"{name} takes JSON as it is, without a Content-Encoding",
    )
    yield refusal(
        matching(header(":path", regex=r"[^?]*\?&*[^&].*")),
        400,
        "there is a query",
    )
    yield {
        "match": matching(header("content-type", regex=CONTENT_TYPE)),
        "response_headers_to_remove": ["grpc-accept-encoding"],
        "request_body_buffer_limit": max_bytes,
        "route": Alias("ocr_servers"),
    }
    yield refusal(matching(), 415, f"{name} takes JSON in UTF-8, sent with Content-Type: application/json")


def no_query(method: RestMethod) -> dict[str, Any]:
    """The answer to query parameters, of the transcoder, which looks at them first, and of the route above."""
    message = f"{method.verb} {method.path} takes no query parameters: options are fields of the JSON"
    only = any_of(header(":method", exact=method.verb))
    return reply(400, 3, f"%LOCAL_REPLY_BODY% ({message})", _on_paths_of([method]), only)


def too_large(methods: Sequence[RestMethod], max_bytes: int) -> Iterator[dict[str, Any]]:
    """The answers to bodies that are too long, also to those that did not say so, and to answers that are.

    Args:
        methods: all methods of the service.
        max_bytes: longest body of JSON.
    """
    taking_json = [method for method in methods if method.is_json]
    if not taking_json:
        return
    # With forms of the same documents and options, a larger document has another way.
    forms = [each.path for each in methods if each.is_upload and each.request == taking_json[0].request]
    instead = f", or a form to POST {forms[0]}" if forms else ""
    message = (
        f"the JSON is larger than {max_bytes} bytes, and base64 makes a third more of a document; send fewer or "
        f"smaller documents{instead}"
    )
    yield reply(413, 8, message, _on_paths_of(taking_json))
    streaming = [method.path for method in taking_json if method.streams_answers]
    at_once = [method for method in taking_json if not method.streams_answers]
    if streaming and at_once:
        message = f"%LOCAL_REPLY_BODY% (POST {streaming[0]} sends answers of any length, page by page)"
        yield {**reply(500, 8, message, _on_paths_of(at_once)), "status_code": 413}


def _on_paths_of(methods: Sequence[RestMethod]) -> dict[str, Any]:
    paths = rf"({'|'.join(method.path_regex for method in methods)})(\?.*)?"
    # The transcoder, and what comes after it, answers with the transcoded path.
    return any_of(header(":path", regex=paths), header("x-envoy-original-path", regex=paths))
