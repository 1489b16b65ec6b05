"""Under which licence a model's weights are: what those who publish them state, and nothing guessed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = [
    "BUNDLED_LICENSE",
    "CARD_FILE",
    "DOCTR_LICENSE",
    "MAX_CARD_BYTES",
    "License",
    "stated_in_card",
    "statement",
]

CARD_FILE = "README.md"
"""The hub's model card; its head is YAML (https://huggingface.co/docs/hub/model-cards)."""

MAX_CARD_BYTES = 1024 * 1024
"""Cards have some kilobytes."""

MAX_HEAD_CHARACTERS = 64 * 1024
"""Of a card, where its YAML must end: PyYAML takes a second for this much."""

MAX_LICENSE_CHARACTERS = 200
MAX_STATED_LICENSES = 10


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
    def of(cls, stated: str, source: str) -> License:
        """Returns the licence that is stated, in whatever case: the hub writes ``apache-2.0``."""
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

        try:
            return cls(canonicalize_license_expression(stated), source)
        except InvalidLicenseExpression:
            return cls("", source)


DOCTR_LICENSE = License("Apache-2.0", "https://github.com/mindee/doctr/blob/main/LICENSE")
"""docTR has one licence for all that it publishes, and states no other for its weights."""

BUNDLED_LICENSE = License("Apache-2.0", "doctr_serve/weights/MODEL_CARD.md")
"""Stated in the first lines of the model card."""


def statement(stated: object) -> str | None:
    """Returns what a card or a configuration has under ``license``: a text, or a few with commas between.

    None where it is nothing of that kind, or longer than licences are.
    """
    names: list[Any] = stated if isinstance(stated, list) else [stated]
    if not 1 <= len(names) <= MAX_STATED_LICENSES:
        return None
    if not all(isinstance(name, str) and 0 < len(name) <= MAX_LICENSE_CHARACTERS for name in names):
        return None
    return ", ".join(names)


@lru_cache(maxsize=64)
def stated_in_card(card: Path) -> str | None:
    """Returns the licence that a model card in the hub's cache states; None where there is none, or no such card.

    Files of that cache never change: their folder has the name of the commit. Nothing of the card but that one entry
    is constructed: a few hundred bytes of YAML can merge themselves to any size.
    """
    from huggingface_hub.repocard import REGEX_YAML_BLOCK
    from yaml import MappingNode, SafeLoader, ScalarNode, YAMLError, compose

    try:
        with card.open(encoding="utf-8") as file:
            head = REGEX_YAML_BLOCK.search(file.read(MAX_HEAD_CHARACTERS))
        root = compose(head.group(2), Loader=SafeLoader) if head is not None else None
    except (OSError, ValueError, YAMLError, RecursionError):
        return None
    entries = root.value if isinstance(root, MappingNode) else []
    stated = [value for key, value in entries if isinstance(key, ScalarNode) and key.value == "license"]
    return statement(_texts(stated[-1])) if stated else None


def _texts(node: Any) -> object:
    """Returns the text of a YAML node, or those of its list; None for all else."""
    from yaml import ScalarNode, SequenceNode

    if isinstance(node, SequenceNode):
        return [_texts(part) if isinstance(part, ScalarNode) else None for part in node.value]
    is_text = isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:str"
    return node.value if is_text else None
