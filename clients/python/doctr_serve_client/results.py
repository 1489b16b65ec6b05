"""Helpers over the service's own messages: a page as text, and as the REST contract's JSON."""

from __future__ import annotations

from typing import Any, TypeAlias

from doctr_serve.v1 import ocr_pb2
from google.protobuf import json_format
from google.rpc import error_details_pb2  # noqa: F401  (to_dict finds the types of an error's details by it)

__all__ = ["Answer", "Result", "page_text", "result_text", "table_rows", "to_dict"]

Result: TypeAlias = (
    ocr_pb2.PageResult
    | ocr_pb2.DetectTextResponse
    | ocr_pb2.RecognizeTextResponse
    | ocr_pb2.ExtractFieldsResponse
    | ocr_pb2.DetectLayoutResponse
    | ocr_pb2.ExtractTablesResponse
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

    Of regions the kind, numbers and confidence; of tables their rows, and an empty line between two.

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
    if isinstance(result, ocr_pb2.DetectLayoutResponse):
        return "\n".join(
            f"{element.type}\t{_numbers(*element.geometry, element.confidence)}" for element in result.layout
        )
    if isinstance(result, ocr_pb2.ExtractTablesResponse):
        return "\n\n".join("\n".join("\t".join(row) for row in table_rows(table)) for table in result.tables)
    return "\n".join(
        _numbers(*box, score)
        for box, score in zip(result.bounding_boxes, result.detection_scores, strict=True)
    )


def table_rows(table: ocr_pb2.Table) -> list[list[str]]:
    """A table's texts, row by row: that of a cell over several rows or columns stands in its first."""
    rows = [[""] * table.num_cols for _ in range(table.num_rows)]
    for cell in table.cells:
        if cell.row_start < table.num_rows and cell.col_start < table.num_cols:
            rows[cell.row_start][cell.col_start] = cell.value
    return rows


def _numbers(*numbers: float) -> str:
    return "\t".join(f"{number:.6g}" for number in numbers)


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
