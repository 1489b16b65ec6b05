"""A request's options, as the core knows them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from doctr_serve.options import ReadingOptions
from doctr_serve.rpc.intake.limits import MAX_MODEL_NAME_CHARACTERS, check_option

if TYPE_CHECKING:
    from doctr_serve.rpc.intake.uploads import UploadMessage
    from doctr_serve.settings import Settings

__all__ = ["options_of"]


def options_of(request: UploadMessage, settings: Settings) -> ReadingOptions:
    """Returns the request's options, absent ones at their default; numbers and model names not validated yet.

    Those that requests of its kind do not have are at their default, too.

    Raises:
        InvalidOptionError: a model's name is too long to be one.
    """
    given = {
        field.name: getattr(request, field.name)
        for field in fields(ReadingOptions)
        if field.name in request.DESCRIPTOR.fields_by_name and request.HasField(field.name)
    }
    for name in ("detection_model", "recognition_model"):
        check_option(name, given.get(name, ""), MAX_MODEL_NAME_CHARACTERS)
    return ReadingOptions.defaults(settings, **given)
