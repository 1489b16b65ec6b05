"""What turned pages may be: of a few times their pixels each, and no more together than is held."""

from __future__ import annotations

import numpy as np
import pytest
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.stages import turning
from doctr_serve.inference.stages.canvas import MAX_GROWTH, expanded_shape, pixels
from doctr_serve.inference.stages.turning import PageTurner, TooMuchUprightError

pytestmark = pytest.mark.usefixtures("large_tensors_are_kept")

MAX_PIXELS = 50_000_000


@pytest.fixture(params=[False, True], ids=["plain", "way back"])
def turner(request: pytest.FixtureRequest) -> PageTurner:
    return PageTurner(keeps_way_back=request.param, max_pixels=MAX_PIXELS, interrupt=Interrupt())


def white(*shape: int) -> np.ndarray:
    return np.full((*shape, 3), 255, np.uint8)


@pytest.mark.parametrize("shape", [(7000, 70), (70, 7000), (3000, 60)])
@pytest.mark.parametrize("angle", [45, -30, 120, 88])
def test_a_long_page_is_turned_on_a_canvas_of_a_few_times_its_pixels(
    turner: PageTurner, shape: tuple[int, int], angle: int
) -> None:
    (page,) = turner.upright([white(*shape)], [angle])
    assert pixels(page.image.shape[:2]) <= MAX_GROWTH * pixels(shape)
    # 45 degrees need the largest one; others are scaled down only where it is needed.
    assert (page.scale < 1) == (angle != 88)


@pytest.mark.parametrize("ratio", [1.2, 2**0.5, 1.65, 2, 3, 4])
def test_pages_of_ordinary_ratios_keep_their_scale_at_any_angle_and_the_canvas_of_doctr(
    turner: PageTurner, ratio: float
) -> None:
    shape = 100, round(100 * ratio)
    for angle in range(-179, 181, 3):
        assert pixels(expanded_shape(shape, angle)) <= MAX_GROWTH * pixels(shape)
        assert turner.upright([white(*shape)], [angle])[0].scale == 1


@pytest.mark.parametrize("angle", [90, -90, 95, 70])
def test_a_receipt_that_lies_on_its_side_keeps_its_scale(turner: PageTurner, angle: int) -> None:
    (page,) = turner.upright([white(80, 600)], [angle])
    assert page.scale == 1


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (35, 35), (70, 10), (7, 300), (1, 1), (2, 1)])
def test_no_upright_page_is_larger_than_is_counted(turner: PageTurner, shape: tuple[int, int]) -> None:
    counted = turner.turned_pixels([shape])
    for angle in range(-179, 181):
        (page,) = turner.upright([white(*shape)], [angle])
        assert pixels(page.image.shape[:2]) <= counted.largest == counted.held


def test_the_count_of_ordinary_pages_is_what_they_need() -> None:
    plain, mapped = (
        PageTurner(keeps_way_back=keeps, max_pixels=MAX_PIXELS, interrupt=Interrupt())
        for keeps in (False, True)
    )
    a4 = 3508, 2480
    assert 2.0 < plain.turned_pixels([a4]).largest / pixels(a4) < 2.2
    assert 2.8 < mapped.turned_pixels([a4]).largest / pixels(a4) < 3.1


def test_pages_that_are_too_large_together_are_left_to_be_turned_one_by_one(
    turner: PageTurner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turning, "MAX_UPRIGHT_PIXELS", 30_000)
    pages, angles = [white(100, 80)] * 3, [90] * 3
    assert len(turner.upright(pages, [0] * 3)) == 3  # nothing beside the pages
    assert len(turner.upright([white(200, 160)], [45])) == 1  # one is as large as it has to be
    with pytest.raises(TooMuchUprightError):
        turner.upright([white(200, 160)] * 2, [90] * 2)
    held = sum(pixels(page.image.shape[:2]) for page in turner.upright(pages[:2], angles[:2]))
    assert held <= turner.turned_pixels([(100, 80)] * 2).held
    assert turner.turned_pixels([(100, 80)] * 99).held <= 30_000 + turner.turned_pixels([(100, 80)]).largest
