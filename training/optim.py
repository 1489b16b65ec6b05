"""Which parameters Muon steps and which AdamW: Muon takes convolutions and the gates of an LSTM.

Depthwise kernels, norms, biases and small matrices are AdamW's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from muon import Muon

__all__ = ["cnn_optimizers", "crnn_optimizers"]


def cnn_optimizers(
    model: nn.Module, lr: float, muon_lr: float, plain: tuple[str, ...] = ()
) -> list[torch.optim.Optimizer]:
    """Return AdamW and, where `muon_lr` is not 0, Muon, over the parameters of a model that want gradients.

    AdamW also steps whatever has one of `plain` in its name.
    """

    def role(name: str, p: Tensor) -> str:
        return (
            "matrices" if muon_lr and _is_wide(p) and not any(part in name for part in plain) else "kernels"
        )

    groups = _by_role(model, role)
    out: list[torch.optim.Optimizer] = [_adamw(groups, lr, 1e-3)]
    return out + ([Muon(groups["matrices"], lr=muon_lr)] if groups["matrices"] else [])


def crnn_optimizers(
    model: nn.Module, lr: float, muon_lr: float, bf16: bool = False
) -> list[torch.optim.Optimizer]:
    """Return AdamW and, where `muon_lr` is not 0, Muon, over the parameters of a recogniser."""

    def role(name: str, p: Tensor) -> str:
        if muon_lr and name.startswith("decoder."):
            return "gates"
        return "matrices" if muon_lr and name.startswith("feat_") and _is_wide(p) else "kernels"

    groups = _by_role(model, role)
    out: list[torch.optim.Optimizer] = [_adamw(groups, lr, 1e-2)]
    if muon_lr:
        matrices = [{"params": groups["matrices"]}, {"params": groups["gates"], "blocks": 4}]
        out.append(Muon(matrices, lr=muon_lr, bf16=bf16))
    return out


def _is_wide(p: Tensor) -> bool:
    """Return whether a parameter is a matrix, or a convolution over channels, worth making orthogonal."""
    return min(p.flatten(1).shape) >= 16 and p.shape[1] > 1


def _by_role(model: nn.Module, role: Callable[[str, Tensor], str]) -> dict[str, list[Tensor]]:
    """Sort the parameters that want gradients: vectors, and those of more dimensions by the `role` of each."""
    groups: dict[str, list[Tensor]] = {"vectors": [], "kernels": [], "matrices": [], "gates": []}
    for name, p in model.named_parameters():
        if p.requires_grad:
            groups["vectors" if p.ndim < 2 else role(name, p)].append(p)
    return groups


def _adamw(groups: dict[str, list[Tensor]], lr: float, decay: float) -> torch.optim.AdamW:
    """Return AdamW over kernels and vectors, in this order, which checkpoints rely on; vectors do not decay."""
    plain = [
        {"params": groups["kernels"], "weight_decay": decay},
        {"params": groups["vectors"], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(plain, lr=lr, betas=(0.9, 0.98), foreach=True)
