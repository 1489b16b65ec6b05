"""What one page may cost in memory, whatever is on it: measured in a process of its own, at docTR's input size."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from support.peak_memory import MIB, read_in_a_process, read_ink_in_a_process
from support.tools import ROOT

CASES_DIR = ROOT.parent / "shared" / "cases"
"""Pages that brought servers down: not part of the repository."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def dots(period: int, *, side: int = 1024) -> np.ndarray:
    """Black squares in rows and columns, ``period`` pixels apart: each is taken for a word."""
    page = np.full((side, side, 3), 255, np.uint8)
    for row in range(period // 2):
        for column in range(period // 2):
            page[row::period, column::period] = 0
    return page


def test_a_page_of_many_turned_words_takes_no_more_memory_than_one_of_few(tmp_path: Path) -> None:
    """600 crops through the orientation classifier were 1.5 GB, 7,225 over 14 GB."""
    answer = read_in_a_process(dots(40), tmp_path, assume_straight_pages=False)
    assert 400 < answer["words"] < 800
    assert answer["peak_bytes"] < 400 * MIB


def test_a_page_of_too_many_words_is_refused_in_a_few_seconds(tmp_path: Path) -> None:
    answer = read_in_a_process(dots(12), tmp_path, assume_straight_pages=False)
    assert "7225 words; a page may have 6000" in answer["error"]
    assert answer["peak_bytes"] < 400 * MIB
    assert answer["seconds"] < 20


@pytest.mark.parametrize("options", [{}, {"straighten_pages": True, "assume_straight_pages": False}])
def test_the_largest_page_takes_little_more_than_its_pixels(tmp_path: Path, options: dict[str, bool]) -> None:
    """50 million pixels were 670 MB of floats on their way to the detection model."""
    answer = read_in_a_process(np.full((7070, 7070, 3), 255, np.uint8), tmp_path, **options)
    assert answer["words"] == 0
    assert answer["peak_bytes"] < 350 * MIB


def enlarged(page: np.ndarray, factor: int) -> np.ndarray:
    return page.repeat(factor, axis=0).repeat(factor, axis=1)


def specks() -> np.ndarray:
    """Spots that are found, and so small that more of them may be lost."""
    page = np.full((1024, 1024, 3), 255, np.uint8)
    for row in range(4):
        for column in range(4):
            page[32 + row :: 64, 32 + column :: 64] = 0
    return page


TURNED = {"assume_straight_pages": False}
WORK = {
    "many words": (dots(24), {"recognition_batch_size": 1024}),
    "turned words": (dots(40), TURNED),
    "turned words of a large page": (enlarged(dots(128), 6), TURNED),
    "a coloured page that is resized as floats": (enlarged(dots(40), 4) // np.array([1, 2, 3], np.uint8), {}),
    "one word as large as the page": (np.zeros((4000, 4000, 3), np.uint8), TURNED),
    "a large page in tiles": (enlarged(specks(), 7) // np.array([1, 2, 3], np.uint8), {}),
    "a large page that is turned": (
        enlarged(np.triu(np.ones((1000, 1000), np.uint8))[..., None].repeat(3, axis=2) * 255, 6),
        {"straighten_pages": True, **TURNED},
    ),
    "a large page that is turned and mapped back": (
        enlarged(np.triu(np.ones((1000, 700), np.uint8))[..., None].repeat(3, axis=2) * 255, 6),
        {"straighten_pages": True, "preserve_original_coords": True, **TURNED},
    ),
}


def test_the_work_on_a_page_takes_no_more_memory_than_is_counted_for_it(tmp_path: Path) -> None:
    answers = dict(zip(WORK, read_ink_in_a_process(list(WORK.values()), tmp_path), strict=True))
    assert all(answer["words"] for answer in answers.values())
    assert {
        kind: answer for kind, answer in answers.items() if answer["peak_bytes"] > answer["working_bytes"]
    } == {}


def test_long_pages_that_are_turned_together_take_no_more_memory_than_is_counted_for_them(
    tmp_path: Path,
) -> None:
    """docTR's canvas has 71 times the pixels of such a page; those of a batch, held together, were 1.2 GB."""
    page = np.full((7000, 70, 3), 250, np.uint8)
    page[::50, ::50] = 0
    options = {"straighten_pages": True, "detection_batch_size": 16, **TURNED}
    cases = [
        (page, {**options, "preserve_original_coords": keeps_way_back}) for keeps_way_back in (False, True)
    ]
    answers = read_ink_in_a_process(cases, tmp_path, copies=17, degrees=45)
    assert len(answers) == 2
    for answer in answers:
        assert "error" not in answer
        assert answer["words"]
        assert answer["peak_bytes"] <= answer["working_bytes"]


@pytest.mark.parametrize("name", ["grid.png", "dots12.png"])
def test_the_pages_that_brought_servers_down_are_refused(name: str, tmp_path: Path) -> None:
    from PIL import Image

    path = CASES_DIR / "hostile" / name
    if not path.exists():
        pytest.skip("the hostile pages are not part of the repository")
    page = np.asarray(Image.open(path).convert("RGB"))
    answer = read_in_a_process(page, tmp_path, assume_straight_pages=False)
    assert "a page may have 6000" in answer["error"]
    assert answer["peak_bytes"] < 400 * MIB
