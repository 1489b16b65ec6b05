from __future__ import annotations

from collections.abc import Callable

import pytest
from doctr_serve.errors import DocumentError, PageShapeError, TooManyWordsError
from doctr_serve.inference.limits import PageBeyondLimit, PageLimits

LIMITS = PageLimits(max_words=100, max_side_pixels=5000, max_aspect_ratio=200, max_pixels=10**6, max_tables=2)


def refusal(check: Callable[..., None], *arguments: int) -> DocumentError:
    with pytest.raises(PageBeyondLimit) as caught:
        check(*arguments)
    return caught.value.of("scan.pdf", 3)


@pytest.mark.parametrize(
    ("check", "accepted", "refused", "says"),
    [
        (LIMITS.check_words, 100, 101, "101 words; a page may have 100"),
        (LIMITS.check_candidates, 400, 401, "401 areas"),
        (LIMITS.check_pieces, 400, 401, "401 or more pieces"),
    ],
)
def test_a_page_of_too_many_words_is_named_with_the_number_and_the_limit(
    check: Callable[[int], None], accepted: int, refused: int, says: str
) -> None:
    check(accepted)
    error = refusal(check, refused)
    assert isinstance(error, TooManyWordsError)
    assert (error.code, error.document_name, error.page_number) == ("INVALID_ARGUMENT", "scan.pdf", 3)
    assert error.message.startswith("'scan.pdf', page 3: ")
    assert says in error.message
    assert "max_words_per_page" in error.message


@pytest.mark.parametrize(
    ("shape", "limit"),
    [((5001, 4000), "5000"), ((4000, 5001), "5000"), ((4500, 20), "200 times"), ((20, 4500), "200 times")],
)
def test_a_page_of_an_extreme_shape_is_named_with_its_shape_and_the_limit(
    shape: tuple[int, int], limit: str
) -> None:
    error = refusal(LIMITS.check_shape, *shape)
    assert isinstance(error, PageShapeError)
    assert f"{shape[1]} x {shape[0]} pixels" in error.message
    assert limit in error.message


@pytest.mark.parametrize("shape", [(5000, 4000), (5000, 25), (1, 1), (200, 1)])
def test_a_page_within_the_limits_passes(shape: tuple[int, int]) -> None:
    LIMITS.check_shape(*shape)
