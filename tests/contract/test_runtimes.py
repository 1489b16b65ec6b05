"""The runtime that users get reads what f32 torch reads."""

from __future__ import annotations

from collections import Counter

import pytest
from doctr_serve import Reader
from doctr_serve.settings import Settings

from benchmarks.harness import DETECTION_MODEL, RECOGNITION_MODEL, page_jpeg

PAGES = range(4)
EQUAL_SHARE = 0.995


def words(**settings: str) -> list[Counter[str]]:
    """The words of each page, as read with these settings and the bundled pair."""
    pair = {"default_detection_model": DETECTION_MODEL, "default_recognition_model": RECOGNITION_MODEL}
    with Reader(Settings(**pair, **settings)) as reader:
        return [
            Counter(
                word.value
                for result in reader.read([page_jpeg(page)])
                for block in result.page.blocks
                for line in block.lines
                for word in line.words
            )
            for page in PAGES
        ]


@pytest.mark.usefixtures("default_runtime")
def test_at_least_995_of_1000_words_are_those_of_f32_torch(caplog: pytest.LogCaptureFixture) -> None:
    expected = words(runtime="torch")
    with caplog.at_level("INFO"):
        found = words()
    count = sum(page.total() for page in expected)
    assert count > 600
    assert sum((ours & torchs).total() for ours, torchs in zip(found, expected, strict=True)) >= (
        EQUAL_SHARE * max(count, sum(page.total() for page in found))
    )
    assert [record.msg for record in caplog.records].count("runtime") == 1
