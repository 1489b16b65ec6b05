"""Helpers over the service's own messages: a page as text, and as the REST contract's JSON."""

from __future__ import annotations

from typing import Any

from doctr_serve.v1 import ocr_pb2
from google.protobuf import json_format
from google.rpc import error_details_pb2  # noqa: F401  (to_dict finds the types of an error's details by it)

__all__ = ["page_text", "to_dict"]


def page_text(result: ocr_pb2.PageResult) -> str:
    """The page's text: words joined by spaces, one line per line, an empty line between blocks.

    Returns:
        The text without a final line break; empty for a blank page and for one that could not be read.
    """
    return "\n\n".join(
        "\n".join(" ".join(word.value for word in line.words) for line in block.lines)
        for page in result.pages
        for block in page.blocks
    )


def to_dict(result: ocr_pb2.PageResult) -> dict[str, Any]:
    """The page as an entry of the REST answer: the same names, every field present, empty ones included.

    Returns:
        What ``json.dumps`` takes. Numbers are the shortest decimals that give the wire's 32-bit float again; REST
        sometimes writes the same float with more digits.
    """
    return json_format.MessageToDict(
        result, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
