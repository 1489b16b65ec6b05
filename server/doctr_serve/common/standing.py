"""How a request stands among those that are worked on at the same time."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Standing"]


@dataclass(eq=False)
class Standing:
    """What a fair order asks of a request; its pages and its forwards carry it.

    Attributes:
        caller: whose it is. Callers have equal shares, however many requests each has.
        pages_read: of its pages, so far.
    """

    caller: str = ""
    pages_read: int = 0

    @property
    def is_new(self) -> bool:
        """Whether no page of it is read yet: a request of one page is new until its end."""
        return self.pages_read == 0
