"""docTR's models in eager torch, arranged so that this device runs them fast."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["TorchBackend", "fold_batch_norms"]


class TorchBackend:
    """Runs docTR's own modules, channels-last and with their batch norms folded.

    Channels-last is worth a factor of up to two for convolutions on x86 CPUs (https://pytorch.org/tutorials/
    intermediate/memory_format_tutorial.html). Both leave the results the same but for float noise.

    On the CPU a batch runs in slices: two pages take as long together as one after the other, but twice the memory
    (db_mobilenet_v3_large at 1024 x 1024: 260 MB a page).

    Args:
        device: torch device the models live on.
        cpu_slice_pixels: pixels per slice on the CPU; other devices take a batch whole.
    """

    def __init__(self, device: str = "cpu", *, cpu_slice_pixels: int = 1024 * 1024) -> None:
        self.device = torch.device(device)
        self._cpu_slice_pixels = cpu_slice_pixels

    def prepare(self, model: nn.Module) -> nn.Module:
        """Returns the model on the device, in eval mode, its convolutions folded and channels-last."""
        model = model.eval().requires_grad_(False)
        fold_batch_norms(model)
        return model.to(device=self.device, memory_format=torch.channels_last)

    def forward(self, model: nn.Module, batch: torch.Tensor, **arguments: Any) -> Any:
        """Returns the model's own answer for images of shape (N, 3, H, W)."""
        height, width = batch.shape[-2:]
        on_cpu = self.device.type == "cpu"
        slice_size = max(1, self._cpu_slice_pixels // (height * width)) if on_cpu else len(batch)
        return _merged(
            [
                model(part.to(self.device).contiguous(memory_format=torch.channels_last), **arguments)
                for part in batch.split(slice_size)
            ]
        )


def _merged(answers: list[Any]) -> Any:
    """Returns the answers of a batch's slices as the answer for the batch: tensors, lists, or a dict of these."""
    first = answers[0]
    if len(answers) == 1:
        return first
    if isinstance(first, dict):
        return {key: _merged([answer[key] for answer in answers]) for key in first}
    return torch.cat(answers) if isinstance(first, torch.Tensor) else list(chain.from_iterable(answers))


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
