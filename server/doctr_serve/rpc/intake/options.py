"""A request's options, as the core knows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from doctr_serve.errors import InvalidOptionError
from doctr_serve.options import ReadingOptions
from doctr_serve.rpc.intake.limits import (
    MAX_ALLOWED_CHARACTERS,
    MAX_IGNORED_REGIONS,
    MAX_MODEL_NAME_CHARACTERS,
    check_option,
)

if TYPE_CHECKING:
    from doctr_serve.rpc.intake.uploads import UploadMessage
    from doctr_serve.settings import Settings

__all__ = ["options_of"]

MAX_REGION_NAME_CHARACTERS = 255
"""docTR's layout models know 11 kinds of regions, the longest of 14 characters."""
MAX_CHARACTERS = {
    "detection_model": MAX_MODEL_NAME_CHARACTERS,
    "recognition_model": MAX_MODEL_NAME_CHARACTERS,
    "layout_model": MAX_MODEL_NAME_CHARACTERS,
    "table_model": MAX_MODEL_NAME_CHARACTERS,
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
        if field.name in request.DESCRIPTOR.fields_by_name and _is_set(request, field.name)
    }
    for name, max_characters in MAX_CHARACTERS.items():
        check_option(name, given.get(name, ""), max_characters)
    if "ignore_regions" in given:
        given["ignore_regions"] = _names_of_regions(given["ignore_regions"])
    return ReadingOptions.defaults(settings, **given)


def _is_set(request: UploadMessage, name: str) -> bool:
    if request.DESCRIPTOR.fields_by_name[name].is_repeated:
        return len(getattr(request, name)) > 0
    return request.HasField(name)


def _names_of_regions(given: Sequence[str]) -> tuple[str, ...]:
    """Returns the names, each once and in the order given.

    Raises:
        InvalidOptionError: there are too many, or one is too long.
    """
    if len(given) > MAX_IGNORED_REGIONS:
        raise InvalidOptionError(
            f"ignore_regions has {len(given)} names; it may have {MAX_IGNORED_REGIONS}",
            field="ignore_regions",
        )
    for name in given:
        check_option("ignore_regions", name, MAX_REGION_NAME_CHARACTERS)
    return tuple(dict.fromkeys(given))
