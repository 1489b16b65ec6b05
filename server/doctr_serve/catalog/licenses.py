"""Under which licence a model's weights are: what those who publish them state, and nothing guessed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["BUNDLED_LICENSE", "CARD_FILE", "DOCTR_LICENSE", "MAX_CARD_BYTES", "License", "stated_in_card"]

CARD_FILE = "README.md"
"""The hub's model card; its head is YAML (https://huggingface.co/docs/hub/model-cards)."""

MAX_CARD_BYTES = 1024 * 1024
"""Cards have some kilobytes."""


@dataclass(frozen=True)
class License:
    """A licence.

    Attributes:
        spdx_id: its SPDX identifier, ``Apache-2.0``; empty where what is stated is none.
        source: where it is stated.
    """

    spdx_id: str
    source: str

    @classmethod
    def of(cls, stated: object, source: str) -> License:
        """Returns the licence that is stated, in whatever case: the hub writes ``apache-2.0``."""
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

        try:
            return cls(canonicalize_license_expression(str(stated)), source)
        except InvalidLicenseExpression:
            return cls("", source)


DOCTR_LICENSE = License("Apache-2.0", "https://github.com/mindee/doctr/blob/main/LICENSE")
"""docTR has one licence for all that it publishes, and states no other for its weights."""

BUNDLED_LICENSE = License("Apache-2.0", "doctr_serve/weights/MODEL_CARD.md")
"""Stated in the first lines of the model card."""


@lru_cache(maxsize=64)
def stated_in_card(card: Path) -> object:
    """Returns the licence that a model card in the hub's cache states; None where there is none, or no such card.

    Files of that cache never change: their folder has the name of the commit.
    """
    from huggingface_hub import metadata_load
    from yaml import YAMLError

    try:
        if card.stat().st_size > MAX_CARD_BYTES:
            return None
        metadata: dict[str, Any] = metadata_load(card) or {}
    except (OSError, ValueError, YAMLError):
        return None
    return metadata.get("license")
