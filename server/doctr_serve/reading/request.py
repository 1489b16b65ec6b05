"""Whose work it is: what everything that works on a request may want to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.common.standing import Standing

__all__ = ["RequestContext"]


@dataclass(frozen=True)
class RequestContext:
    """One request.

    Attributes:
        interrupt: its stop signal.
        request_id: what its log lines carry; empty outside a server.
        standing: how it stands among others.
    """

    interrupt: Interrupt = field(default_factory=Interrupt)
    request_id: str = ""
    standing: Standing = field(default_factory=Standing)

    @property
    def how_to_report(self) -> str:
        """What its caller is told to do about a fault of ours."""
        return f"report it with the request id {self.request_id}" if self.request_id else "its log has more"
