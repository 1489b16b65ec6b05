"""docTR's models in eager torch, arranged so that this device runs them fast."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["TorchBackend", "fold_batch_norms"]


class TorchBackend:
    """Runs docTR's own modules, channels-last and with their batch norms folded.

    Channels-last is worth a factor of up to two for convolutions on x86 CPUs (https://pytorch.org/tutorials/
    intermediate/memory_format_tutorial.html). Both leave the results the same but for float noise.

    Args:
        device: torch device the models live on.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)

    def prepare(self, model: nn.Module) -> nn.Module:
        """Returns the model on the device, in eval mode, its convolutions folded and channels-last."""
        model = model.eval().requires_grad_(False)
        fold_batch_norms(model)
        return model.to(device=self.device, memory_format=torch.channels_last)

    def forward(self, model: nn.Module, batch: torch.Tensor, **arguments: Any) -> Any:
        """Returns the model's own answer for images of shape (N, 3, H, W)."""
        return model(batch.to(self.device).contiguous(memory_format=torch.channels_last), **arguments)


def fold_batch_norms(model: nn.Module) -> None:
    """Folds, in place, each batch norm into the convolution right before it in the same ``nn.Sequential``.

    Only there does the order of the children say what runs after what. In eval mode a batch norm is a scale and
    a shift per channel, so that the folded convolution computes the same sum.
    """
    for sequence in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for (name, layer), (norm_name, norm) in pairwise(list(sequence.named_children())):
            if isinstance(norm, nn.BatchNorm2d) and isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                folded = fuse_conv_bn_eval(layer, norm, transpose=isinstance(layer, nn.ConvTranspose2d))
                sequence._modules[name] = folded
                sequence._modules[norm_name] = nn.Identity()
