"""What a client is told before it uploads: the limits, from the settings and the checks themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from doctr_serve.documents import FILE_FORMATS
from doctr_serve.documents.page_selection import MAX_CHARACTERS
from doctr_serve.rpc.intake.limits import (
    MAX_ALLOWED_CHARACTERS,
    MAX_IGNORED_REGIONS,
    MAX_MODEL_NAME_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_PASSWORD_BYTES,
)
from doctr_serve.v1 import ocr_pb2
from doctr_serve.version import __version__, doctr_version

if TYPE_CHECKING:
    from doctr_serve.settings import Settings

__all__ = ["limits_of"]

CONSTANTS = {
    "max_name_characters": MAX_NAME_CHARACTERS,
    "max_pdf_password_bytes": MAX_PASSWORD_BYTES,
    "max_model_name_characters": MAX_MODEL_NAME_CHARACTERS,
    "max_pages_characters": MAX_CHARACTERS,
    "max_allowed_characters": MAX_ALLOWED_CHARACTERS,
    "max_ignored_regions": MAX_IGNORED_REGIONS,
}
"""Limits that are no settings."""

LARGEST = {FieldDescriptor.CPPTYPE_INT32: 2**31 - 1, FieldDescriptor.CPPTYPE_INT64: 2**63 - 1}
"""Settings have no upper bound, the message's fields have."""


def limits_of(settings: Settings) -> ocr_pb2.GetLimitsResponse:
    """Returns the answer of a server with these settings."""
    return ocr_pb2.GetLimitsResponse(
        server_version=__version__,
        doctr_version=doctr_version(),
        limits=_limits(settings),
        formats=[
            ocr_pb2.FileFormat(name=known.name, media_types=known.media_types, extensions=known.extensions)
            for known in FILE_FORMATS.values()
        ],
        default_detection_model=settings.default_detection_model,
        default_recognition_model=settings.default_recognition_model,
        allow_hub_models=settings.allow_hub_models,
        download_on_demand=settings.download_on_demand,
        reflection=settings.reflection,
    )


def _limits(settings: Settings) -> ocr_pb2.Limits:
    limits = ocr_pb2.Limits()
    for field in limits.DESCRIPTOR.fields:
        value = CONSTANTS[field.name] if field.name in CONSTANTS else getattr(settings, field.name)
        setattr(limits, field.name, min(value, LARGEST.get(field.cpp_type, value)))
    return limits
