"""What runs a model: torch now; another runtime is another file with the same two methods."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn

__all__ = ["Backend"]


class Backend(Protocol):
    """Makes a docTR model fast on this machine, and runs it."""

    def prepare(self, model: nn.Module) -> nn.Module:
        """Returns the model ready to run: moved, converted or compiled. Called once per model, at load."""

    def forward(self, model: nn.Module, batch: torch.Tensor, **arguments: Any) -> Any:
        """Returns ``model(batch, **arguments)`` of a prepared model.

        Args:
            model: what :meth:`prepare` returned.
            batch: float32 images, (N, 3, H, W).
            **arguments: of the docTR model's ``forward``.
        """
