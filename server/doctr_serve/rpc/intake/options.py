"""A request's options, as the core knows them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from doctr_serve.options import ReadingOptions
from doctr_serve.rpc.intake.limits import (
    MAX_ALLOWED_CHARACTERS,
    MAX_MODEL_NAME_CHARACTERS,
    check_option,
)

if TYPE_CHECKING:
    from doctr_serve.rpc.intake.uploads import UploadMessage
    from doctr_serve.settings import Settings

__all__ = ["options_of"]

MAX_CHARACTERS = {
    "detection_model": MAX_MODEL_NAME_CHARACTERS,
    "recognition_model": MAX_MODEL_NAME_CHARACTERS,
    "allowed_characters": MAX_ALLOWED_CHARACTERS,
}


def options_of(request: UploadMessage, settings: Settings) -> ReadingOptions:
    """Returns the request's options, absent ones at their default; numbers and model names not validated yet.

    Those that requests of its kind do not have are at their default, too.

    Raises:
        InvalidOptionError: a model's name is too long to be one, or there are too many characters to choose from.
    """
    given = {
        field.name: getattr(request, field.name)
        for field in fields(ReadingOptions)
        if field.name in request.DESCRIPTOR.fields_by_name and request.HasField(field.name)
    }
    for name, max_characters in MAX_CHARACTERS.items():
        check_option(name, given.get(name, ""), max_characters)
    return ReadingOptions.defaults(settings, **given)
