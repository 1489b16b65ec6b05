"""docTR's models in eager torch, in the memory format that is fast on this device."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["TorchBackend"]


class TorchBackend:
    """Runs docTR's own modules.

    Channels-last is worth a factor of two for convolutions on x86 CPUs and leaves the results the same but for
    float noise (https://pytorch.org/tutorials/intermediate/memory_format_tutorial.html).

    Args:
        device: torch device the models live on.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)

    def prepare(self, model: nn.Module) -> nn.Module:
        """Returns the model on the device, in eval mode, its convolutions channels-last."""
        return model.eval().requires_grad_(False).to(device=self.device, memory_format=torch.channels_last)

    def forward(self, model: nn.Module, batch: torch.Tensor, **arguments: Any) -> Any:
        """Returns the model's own answer for images of shape (N, 3, H, W)."""
        return model(batch.to(self.device).contiguous(memory_format=torch.channels_last), **arguments)
