"""Pages turned upright whose points are known on the page as it came: docTR's pixels and matrix, within a limit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from doctr.utils.geometry import straighten_page
from doctr_serve.inference.stages.way_back import MAX_GROWTH, most_turned_pixels, straightened_with_way_back

pytestmark = pytest.mark.usefixtures("large_tensors_are_kept")

UNLIMITED = 10**12


@pytest.mark.parametrize("seed", range(5))
def test_a_page_is_turned_as_doctr_turns_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(60):
        image = rng.integers(0, 256, (*rng.integers(90, 126, 2), 3)).astype(np.uint8)
        angle = int(rng.integers(-179, 181))
        expected, matrix = straighten_page(image, angle)
        upright = straightened_with_way_back(image, angle, UNLIMITED)
        assert upright.scale == 1
        assert np.array_equal(upright.image, expected), (image.shape, angle)
        assert upright.origin is not None
        assert upright.origin.image is image
        np.testing.assert_allclose(upright.origin.to_original, matrix, atol=1e-9)


@pytest.mark.parametrize("shape", [(4200, 4100), (3800, 5300)])
@pytest.mark.parametrize("angle", [-1, 90, -163])
def test_a_large_page_is_turned_as_doctr_turns_it_but_for_a_level(shape: tuple[int, int], angle: int) -> None:
    coarse = np.random.default_rng(angle % 7).integers(1, 256, (60, 60, 3)).astype(np.uint8)
    image = cv2.resize(coarse, shape[::-1])
    upright = straightened_with_way_back(image, angle, UNLIMITED)
    expected, _ = straighten_page(image, angle)
    assert upright.image.shape == expected.shape
    assert cv2.absdiff(upright.image, expected).max() <= 1


MARKS = [(0.2, 0.3), (0.7, 0.25), (0.4, 0.8), (0.85, 0.9)]
"""Of a page, from the left and from the top."""
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]


def marked(height: int, width: int) -> np.ndarray:
    """A grey page with a square of another colour at each mark."""
    page = np.full((height, width, 3), 90, np.uint8)
    side = max(3, min(height, width) // 12)
    for (x, y), colour in zip(MARKS, COLOURS, strict=True):
        left, top = round(x * width) - side // 2, round(y * height) - side // 2
        page[top : top + side, left : left + side] = colour
    return page


def centre_of(image: np.ndarray, colour: tuple[int, int, int]) -> tuple[float, float]:
    """Middle of the pixels of nearly that colour, as x and y of points between pixels."""
    rows, columns = np.nonzero(np.abs(image.astype(int) - colour).max(axis=-1) < 80)
    return columns.mean() + 0.5, rows.mean() + 0.5


@pytest.mark.parametrize("shape", [(400, 300), (300, 400), (240, 240), (60, 900), (900, 60)])
@pytest.mark.parametrize("angle", [0, 90, 180, -90, 45, -30, 88, 135, -172])
@pytest.mark.parametrize("max_pixels", [UNLIMITED, 60_000])
def test_every_point_leads_back_to_where_it_was(shape: tuple[int, int], angle: int, max_pixels: int) -> None:
    page = marked(*shape)
    upright = straightened_with_way_back(page, angle, max_pixels)
    for colour in COLOURS:
        x, y, _ = upright.origin.to_original @ (*centre_of(upright.image, colour), 1)
        assert np.hypot(*np.subtract((x, y), centre_of(page, colour))) < 1 + 1 / upright.scale, colour


@pytest.mark.parametrize("shape", [(400, 300), (40, 600), (3, 20_000), (1, 9000)])
@pytest.mark.parametrize("angle", [45, -30, 88, 135])
def test_a_page_is_turned_within_the_limit(shape: tuple[int, int], angle: int) -> None:
    upright = straightened_with_way_back(np.full((*shape, 3), 255, np.uint8), angle, 50_000)
    height, width = upright.image.shape[:2]
    assert 0 < upright.scale <= 1
    assert height * width <= 50_000 * 1.04  # whole pixels, of which a page has some
    assert most_turned_pixels(shape[0] * shape[1], 50_000) <= 100_000


def test_a_long_sideways_page_gets_no_padding() -> None:
    """docTR makes 42,400 x 6,000 pixels of one of 800 x 6,000: too small to be read at the network's input."""
    image = np.random.default_rng(0).integers(0, 256, (600, 80, 3)).astype(np.uint8)
    assert np.prod(straighten_page(image, 90)[0].shape[:2]) > 10 * MAX_GROWTH * 600 * 80
    upright = straightened_with_way_back(image, 90, UNLIMITED)
    assert upright.scale == 1
    assert np.array_equal(upright.image, np.rot90(image))
