"""What looking for a page's missing characters may cost: it is an extra, and never worth the page."""

from __future__ import annotations

import time

__all__ = ["MAX_SECONDS", "Effort"]

# A page of 2,500 words takes a hundredth of it.
MAX_SECONDS = 1.0
# Characters that do not lie on each other have no more than their page, and this is the largest by default. Each
# million takes 2 milliseconds.
MAX_PIXELS = 50_000_000


class Effort:
    """The time and the pixels of one check.

    Args:
        seconds: from now on.

    Attributes:
        reached: whether something was left out, by a bound of this object or another one: what was counted is the
            least that there is.
    """

    def __init__(self, seconds: float) -> None:
        self.reached = False
        self._pixels = MAX_PIXELS
        self._deadline = time.monotonic() + seconds

    def is_over(self) -> bool:
        """Returns whether the time is; then nothing more may be looked at."""
        over = time.monotonic() >= self._deadline
        self.reached |= over
        return over

    def allows(self, pixels: int) -> bool:
        """Returns whether that many more may be looked at, which then counts as done."""
        if pixels > self._pixels:
            self.reached = True
            return False
        self._pixels -= pixels
        return True
