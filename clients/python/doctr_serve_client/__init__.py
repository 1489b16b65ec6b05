"""Python client of doctr-serve: documents in, pages of text out, over gRPC.

``OCRClient`` and, for asyncio, ``AsyncOCRClient``. Results are the service's own messages
(``doctr_serve.v1.ocr_pb2.PageResult``); ``page_text`` and ``to_dict`` turn them into text and into the JSON
of the REST answer. Needs no torch.
"""

from doctr_serve_client.aio import AsyncOCRClient
from doctr_serve_client.client import OCRClient
from doctr_serve_client.errors import (
    CallCancelledError,
    DeadlineExceededError,
    FieldViolation,
    InvalidRequestError,
    OCRError,
    PageError,
    PermissionDeniedError,
    QueueFullError,
    RequestTooLargeError,
    ServerError,
    ServerUnavailableError,
    UnauthenticatedError,
    WeightsUnavailableError,
)
from doctr_serve_client.inputs import DocumentInput, DocumentInputs
from doctr_serve_client.options import OCROptions
from doctr_serve_client.results import page_text, to_dict

__all__ = [
    "AsyncOCRClient",
    "CallCancelledError",
    "DeadlineExceededError",
    "DocumentInput",
    "DocumentInputs",
    "FieldViolation",
    "InvalidRequestError",
    "OCRClient",
    "OCRError",
    "OCROptions",
    "PageError",
    "PermissionDeniedError",
    "QueueFullError",
    "RequestTooLargeError",
    "ServerError",
    "ServerUnavailableError",
    "UnauthenticatedError",
    "WeightsUnavailableError",
    "page_text",
    "to_dict",
]
