"""Why a decoder process could not do what it was asked; what crosses the channel instead of an exception."""

from __future__ import annotations

__all__ = ["DecodeFailure"]


class DecodeFailure(Exception):
    """Raised inside a decoder process.

    Attributes:
        kind: ``encrypted``, ``memory``, ``too_large``, ``unreadable`` or ``unsupported``.
        problem: one sentence for the caller, without the file's name; nothing internal.
    """

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem
