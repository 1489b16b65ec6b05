"""Pages turned upright: docTR's own pixels, without its second padding, and on a canvas that has a limit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from doctr.utils.geometry import remove_image_padding, rotate_image
from doctr_serve.inference.stages.straightening import canvas_shape, straightened

pytestmark = pytest.mark.usefixtures("large_tensors_are_kept")

UNLIMITED = 10**12


def page(rng: np.random.Generator, *, black_rows: bool = False) -> np.ndarray:
    image = rng.integers(0, 256, (*rng.integers(1, 130, 2), 3)).astype(np.uint8)
    if black_rows:
        image[: rng.integers(0, len(image) + 1)] = 0
    return image


def as_doctr_does(image: np.ndarray, angle: int) -> np.ndarray:
    """Its ``_straighten_pages``, doctr/models/predictor/base.py."""
    return remove_image_padding(rotate_image(image, angle, expand=image.shape[0] != image.shape[1]))


@pytest.mark.parametrize("seed", range(9))
def test_a_page_is_turned_as_doctr_turns_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for number in range(100):
        image = page(rng, black_rows=number % 5 == 0)
        angle = int(rng.choice([0, 90, 180, -90]) if number % 4 == 0 else rng.integers(-179, 181))
        expected = as_doctr_does(image, angle)
        upright, scale = straightened(image, angle, UNLIMITED)
        assert scale == 1
        if expected.any():  # of a page without a pixel that is not black docTR keeps the canvas
            assert np.array_equal(upright, expected), (image.shape, angle)


def test_a_square_page_is_turned_as_doctr_turns_it() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    for angle in range(-170, 181, 10):
        assert np.array_equal(straightened(image, angle, UNLIMITED)[0], as_doctr_does(image, angle))


def test_a_long_sideways_page_needs_no_canvas() -> None:
    """docTR loses a row or a column of pixels at right angles; here none is lost."""
    image = np.random.default_rng(0).integers(1, 256, (40, 600, 3)).astype(np.uint8)
    for angle in (90, -90):
        assert np.prod(canvas_shape(40, 600, angle)) > 100_000
        upright, scale = straightened(image, angle, 100_000)
        assert scale == 1
        assert np.array_equal(upright, np.rot90(image, angle // 90))


def test_a_long_skewed_page_is_turned_by_a_right_angle_first_and_keeps_its_scale() -> None:
    image = np.full((40, 600, 3), 200, np.uint8)
    upright, scale = straightened(image, 88, 100_000)
    assert scale == 1
    assert upright.shape == straightened(np.ascontiguousarray(np.rot90(image)), -2, UNLIMITED)[0].shape
    assert upright.shape[0] > 590


@pytest.mark.parametrize("shape", [(400, 300), (40, 600), (3, 20_000), (1, 9000)])
@pytest.mark.parametrize("angle", [45, -30, 88, 135])
def test_a_page_whose_canvas_is_too_large_is_scaled_down(shape: tuple[int, int], angle: int) -> None:
    upright, scale = straightened(np.full((*shape, 3), 255, np.uint8), angle, 50_000)
    assert 0 < scale <= 1
    assert upright.shape[0] * upright.shape[1] <= 50_000 * 1.04  # whole pixels, of which a page has some


def test_a_black_page_stays_one() -> None:
    upright, _ = straightened(np.zeros((3, 20_000, 3), np.uint8), 90, 100_000)
    assert upright.shape == (20_000, 3, 3)
    assert not upright.any()


@pytest.mark.parametrize("shape", [(4200, 4100), (3000, 5700), (5700, 3000)])
@pytest.mark.parametrize("angle", [-1, 14, 90, -163])
def test_a_large_page_is_turned_as_doctr_turns_it_but_for_a_level(shape: tuple[int, int], angle: int) -> None:
    coarse = np.random.default_rng(angle % 7).integers(1, 256, (60, 60, 3)).astype(np.uint8)
    image = cv2.resize(coarse, shape[::-1])
    upright, scale = straightened(image, angle, UNLIMITED)
    expected = as_doctr_does(image, angle)
    assert scale == 1
    assert upright.shape == expected.shape
    assert cv2.absdiff(upright, expected).max() <= 1
