"""The runtime that users get reads what f32 torch reads, in each of its precisions."""

from __future__ import annotations

from collections import Counter

import pytest
from doctr_serve import Reader
from doctr_serve.settings import Settings

from benchmarks.harness import DETECTION_MODEL, RECOGNITION_MODEL, page_jpeg

PAGES = range(4)
EQUAL_SHARES = {"f32": 0.999, "bf16": 0.99, "auto": 0.98}
"""Of the words of rendered pages. Of real ones fewer stay, with as many right: the model card has both."""


@pytest.fixture(scope="module")
def expected() -> list[Counter[str]]:
    return words(runtime="torch")


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
@pytest.mark.parametrize("precision", EQUAL_SHARES)
def test_words_are_those_of_f32_torch(
    precision: str, expected: list[Counter[str]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        found = words(inference_precision=precision)
    count = sum(page.total() for page in expected)
    assert count > 600
    equal = sum((ours & torchs).total() for ours, torchs in zip(found, expected, strict=True))
    assert equal >= EQUAL_SHARES[precision] * max(count, sum(page.total() for page in found))
    assert [record.msg for record in caplog.records].count("runtime") == 1
