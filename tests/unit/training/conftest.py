"""Modules of training/ are no package: tests import them while their folder is on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[3] / "training"


@pytest.fixture
def training_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts training/ on the path; what a test imported from there goes with the test."""
    monkeypatch.syspath_prepend(str(TRAINING))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(TRAINING) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
