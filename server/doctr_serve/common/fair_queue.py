"""Whose work is next: those who have had nothing yet first, then each caller in its turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

from doctr_serve.common.standing import Standing

__all__ = ["FairQueue"]

NEW_IN_A_ROW = 3
"""New requests that are served one after the other while one waits that has had a page already. So a short request has
three quarters of the cores at least, and a long one a quarter, whatever else comes."""


Item = TypeVar("Item")


@dataclass(frozen=True)
class _Waiting(Generic[Item]):
    item: Item
    standing: Standing
    cost: float
    number: int


class FairQueue(Generic[Item]):
    """Work that waits; to be used under one lock.

    Callers share what there is by start-time fair queueing (Goyal, Vin, Cheng 1996: "Start-time fair queueing: a
    scheduling algorithm for integrated services packet switching networks"): each has a time that grows with what it
    is served, and the one whose time is the least is next; who comes back after a while starts at the others' time,
    and has saved up nothing. Within a caller the order is that of coming, which gives its documents a page each in
    turn, since a document asks for its next page after the last one.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, _Waiting[Item]] = {}
        self._numbers = count()
        self._now = 0.0
        self._served_until: dict[str, float] = {}
        self._new_in_a_row = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, item: Item, standing: Standing, cost: float = 1.0) -> int:
        """Adds work.

        Args:
            item: what :meth:`pop` returns.
            standing: of the request it belongs to, looked at when it may be next.
            cost: what serving it takes from its caller's share.

        Returns:
            A number, by which :meth:`remove` finds it.
        """
        number = next(self._numbers)
        self._waiting[number] = _Waiting(item, standing, cost, number)
        return number

    def pop(self, may: Callable[[Item], bool] = lambda item: True) -> Item | None:
        """Takes out what is next among the work that ``may`` be; None where there is none.

        Args:
            may: tells whether work can be served now.
        """
        able = [entry for entry in self._waiting.values() if may(entry.item)]
        if not able:
            return None
        new = [entry for entry in able if entry.standing.is_new]
        others = [entry for entry in able if not entry.standing.is_new]
        takes_new = bool(new) and not (others and self._new_in_a_row >= NEW_IN_A_ROW)
        self._new_in_a_row = self._new_in_a_row + 1 if takes_new and others else 0
        chosen = min(new if takes_new else others, key=lambda entry: (self._start(entry), entry.number))
        self._serve(chosen)
        return chosen.item

    def remove(self, number: int) -> bool:
        """Takes out work that is not wanted any more; returns whether it was still here."""
        return self._waiting.pop(number, None) is not None

    def _start(self, entry: _Waiting[Item]) -> float:
        return max(self._now, self._served_until.get(entry.standing.caller, 0.0))

    def _serve(self, entry: _Waiting[Item]) -> None:
        del self._waiting[entry.number]
        self._now = self._start(entry)
        self._served_until[entry.standing.caller] = self._now + entry.cost
        # Who is behind the others' time starts at it: nothing need be known of such a caller.
        self._served_until = {
            caller: until for caller, until in self._served_until.items() if until > self._now
        }
