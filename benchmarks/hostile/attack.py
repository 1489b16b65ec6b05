"""What an attack is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ATTACKS", "Attack", "BarMissedError", "Run", "SkippedError", "Target", "attack"]

Run = Callable[[float], str]
"""Attacks once, for so many seconds at most, and returns what was answered."""


class SkippedError(Exception):
    """The attack needs something that is not here."""


class BarMissedError(Exception):
    """The attack itself found that an answer was wrong."""


@dataclass(frozen=True)
class Target:
    """What is attacked.

    Attributes:
        address: ``host:port`` of gRPC.
        rest: base URL of REST, an Envoy before the server.
        cases: folder with files that were reported; None where there is none.
    """

    address: str
    rest: str
    cases: Path | None

    def case(self, name: str) -> bytes:
        """Returns a reported file's bytes.

        Raises:
            SkippedError: it is not here.
        """
        path = self.cases / "hostile" / name if self.cases else None
        if path is None or not path.exists():
            raise SkippedError(f"hostile/{name} is not here; see --cases")
        return path.read_bytes()


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        name: as ``--only`` takes it.
        what: a line for people.
        prepare: makes what is sent, and returns what sends it.
        requests: how many of its requests are worked on at a time: each may take the memory of one.
        beside: what a normal caller calls meanwhile, a ``page`` or, where every place is taken, ``health``.
        limit_s: longest time that the attacker waits.
        beside_s: the same while a normal caller is served beside.
    """

    name: str
    what: str
    prepare: Callable[[Target], Run]
    requests: int = 1
    beside: str = "page"
    limit_s: float = 45.0
    beside_s: float = 20.0


ATTACKS: dict[str, Attack] = {}
"""By name, in the order of their modules."""


def attack(
    name: str,
    *,
    requests: int = 1,
    beside: str = "page",
    limit_s: float = 45.0,
    beside_s: float = 20.0,
) -> Callable[[Callable[[Target], Run]], Callable[[Target], Run]]:
    """Puts the function below it on the list; its docstring says what it does. See :class:`Attack`."""

    def register(prepare: Callable[[Target], Run]) -> Callable[[Target], Run]:
        what = (prepare.__doc__ or "").partition("\n")[0]
        ATTACKS[name] = Attack(name, what, prepare, requests, beside, limit_s, beside_s)
        return prepare

    return register
