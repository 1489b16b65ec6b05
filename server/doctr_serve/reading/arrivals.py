"""Requests that are still arriving: a bounded number, of which a slow one gives way to the next.

Where there are too many, one of the caller who has most gives way to a caller who has fewer; else one that has come
slowly for a while. Callers who send fast keep their places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import GaveWay

__all__ = ["Arrival", "Arrivals"]

GIVES_WAY_AFTER_S = 2.0
"""Seconds that a request may arrive at any rate: first bytes are on their way for so long on bad lines, too."""
SAFE_FACTOR = 16
"""How many times faster than the slowest rate (``min_upload_bytes_per_s``) a request must come to be safe: 16 KiB/s by
default. Whoever wants to keep others out has to send so much for each of their places."""
RETRY_AFTER_S = 10.0


class Arrival:
    """A request that is arriving.

    Args:
        interrupt: its stop signal.
        place: gives it one of the bounded places of requests in flight, once it is here.
        started_at: when it began, by the clock of the others.
        caller: whose it is.
    """

    def __init__(
        self,
        interrupt: Interrupt,
        place: Callable[[], AbstractContextManager[None]],
        started_at: float,
        caller: str = "",
    ) -> None:
        self.caller = caller
        self.place = place
        self.started_at = started_at
        self._interrupt = interrupt
        self._received_bytes = 0

    def note(self, size_bytes: int) -> None:
        """Takes in that bytes have come."""
        self._received_bytes += size_bytes

    def bytes_per_s(self, now: float) -> float:
        """Returns its rate on average."""
        return self._received_bytes / max(1e-3, now - self.started_at)

    def give_way(self) -> None:
        """Ends it."""
        self._interrupt.stop(_gave_way)


class Arrivals:
    """Those there are; to be used under one lock.

    Args:
        max_arrivals: most of them.
        min_bytes_per_s: slowest rate that a request may have at all; 0 for none, and none gives way.
        clock: seconds that only ever grow.
    """

    def __init__(self, max_arrivals: int, min_bytes_per_s: float, clock: Callable[[], float]) -> None:
        self._max = max_arrivals
        self._safe_bytes_per_s = SAFE_FACTOR * min_bytes_per_s
        self._clock = clock
        self._all: dict[Arrival, None] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(
        self, interrupt: Interrupt, place: Callable[[], AbstractContextManager[None]], caller: str = ""
    ) -> Arrival | None:
        """Returns a new one; None where there are too many, and none that has to give way."""
        now = self._clock()
        if len(self._all) >= self._max and not self._slowest_gave_way(now, caller):
            return None
        arrival = Arrival(interrupt, place, now, caller)
        self._all[arrival] = None
        return arrival

    def remove(self, arrival: Arrival) -> None:
        """Takes one out that is here now, or has ended."""
        self._all.pop(arrival, None)

    def _slowest_gave_way(self, now: float, caller: str) -> bool:
        slow = [arrival for arrival in self._all if arrival.bytes_per_s(now) < self._safe_bytes_per_s]
        slow = self._of_who_has_most(slow, caller) or [
            arrival for arrival in slow if now - arrival.started_at >= GIVES_WAY_AFTER_S
        ]
        if not slow:
            return False
        slowest = min(slow, key=lambda arrival: arrival.bytes_per_s(now))
        self.remove(slowest)
        slowest.give_way()
        return True

    def _of_who_has_most(self, slow: list[Arrival], caller: str) -> list[Arrival]:
        """Returns those of the caller who has most, if the new one's will have fewer of them even so."""
        counts = Counter(arrival.caller for arrival in self._all)
        most = max((arrival.caller for arrival in slow), key=counts.__getitem__, default=caller)
        if counts[most] <= counts[caller] + 1:
            return []
        return [arrival for arrival in slow if arrival.caller == most]


def _gave_way() -> GaveWay:
    return GaveWay(
        "the request came too slowly while more were arriving than the server takes at once (max_uploads); send it "
        "again later, or faster",
        retry_after_s=RETRY_AFTER_S,
    )
