"""Words -> language, as docTR guesses it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import langdetect
from doctr.models._utils import get_language

__all__ = ["language_of"]

# langdetect draws random numbers; with a seed the same text gives the same language
# (https://github.com/Mimino666/langdetect#basic-usage).
langdetect.DetectorFactory.seed = 0
_loading = threading.Lock()


def language_of(words: Sequence[str]) -> dict[str, Any]:
    """Returns ``value``, an ISO 639-1 code or "unknown", and ``confidence``, 0 to 1, of the words' language."""
    with _loading:
        # Its profiles take 58 MB, which a server that is never asked for a language does not spend; without the lock
        # a second request would find them half loaded.
        langdetect.detector_factory.init_factory()
    value, confidence = get_language(" ".join(words))
    return {"value": value, "confidence": confidence}
