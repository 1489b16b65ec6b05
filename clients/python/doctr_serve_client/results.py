"""Helpers over the service's own messages: a page as text, and as the REST contract's JSON."""

from __future__ import annotations

from typing import Any, TypeAlias

from doctr_serve.v1 import ocr_pb2
from google.protobuf import json_format
from google.rpc import error_details_pb2  # noqa: F401  (to_dict finds the types of an error's details by it)

__all__ = ["Answer", "Result", "page_text", "result_text", "to_dict"]

Result: TypeAlias = (
    ocr_pb2.PageResult
    | ocr_pb2.DetectTextResponse
    | ocr_pb2.RecognizeTextResponse
    | ocr_pb2.ExtractFieldsResponse
)
"""An entry of an answer."""

Answer: TypeAlias = ocr_pb2.ListModelsResponse | ocr_pb2.GetLimitsResponse
"""An answer without entries."""


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


def result_text(result: Result) -> str:
    """An entry as lines: a page's text, a picture's; of fields the kind and the value, of boxes numbers and score.

    Returns:
        The lines without a final line break, their columns with tabs between them.
    """
    if isinstance(result, ocr_pb2.PageResult):
        return page_text(result)
    if isinstance(result, ocr_pb2.RecognizeTextResponse):
        return result.value
    if isinstance(result, ocr_pb2.ExtractFieldsResponse):
        return "\n".join(
            f"{field.field_type}\t{word.value}" for field in result.extracted_fields for word in field.values
        )
    return "\n".join(
        "\t".join(f"{number:.6g}" for number in (*box, score))
        for box, score in zip(result.bounding_boxes, result.detection_scores, strict=True)
    )


def to_dict(result: Result | Answer) -> dict[str, Any]:
    """The page as an entry of the REST answer: the same names, every field present, empty ones included.

    Of ``list_models`` and ``limits`` it is the whole REST answer.

    Returns:
        What ``json.dumps`` takes. Numbers are the shortest decimals that give the wire's 32-bit float again; REST
        sometimes writes the same float with more digits.
    """
    return json_format.MessageToDict(
        result, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
