"""The messages that bring documents: all have ``documents`` and ``body``, and options of their own."""

from __future__ import annotations

from typing import TypeAlias

from doctr_serve.v1 import ocr_pb2

__all__ = ["UploadMessage"]

UploadMessage: TypeAlias = (
    ocr_pb2.OCRRequest
    | ocr_pb2.DetectTextRequest
    | ocr_pb2.RecognizeTextRequest
    | ocr_pb2.ExtractFieldsRequest
    | ocr_pb2.DetectLayoutRequest
    | ocr_pb2.ExtractTablesRequest
)
"""A message of an upload: the first has the options."""
