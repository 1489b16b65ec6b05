"""Muon for convolutions: momentum whose matrices are made orthogonal, so that few steps go a long way.

The idea is Keller Jordan's (2024). Matrices and convolutions are stepped so; depthwise kernels, norms, biases and
whatever has a part of its name in `plain` are stepped by AdamW.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["Muon", "make_optimizers"]


def orthogonal(matrix: Tensor, steps: int = 4) -> Tensor:
    """Return roughly the nearest orthogonal matrix, by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.t()
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.t()
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if matrix.shape[0] <= matrix.shape[1] else x.t()


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal; `lr` is the spectral norm of a step on a square matrix."""

    def __init__(
        self, params: Iterable[Tensor], lr: float = 0.02, momentum: float = 0.95, decay: float = 0.01
    ) -> None:
        """Take parameters of two or more dimensions; all but the first are flattened."""
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Step all parameters that have a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                mean = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = torch.lerp(p.grad, mean, group["momentum"]).flatten(1)
                update = orthogonal(update) * max(1.0, update.shape[0] / update.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["decay"]).add_(update.view(p.shape), alpha=-group["lr"])


def make_optimizers(
    model: nn.Module, lr: float, muon_lr: float, plain: tuple[str, ...] = ()
) -> list[torch.optim.Optimizer]:
    """Return AdamW and, where `muon_lr` is not 0, Muon, over the parameters of a model that want gradients."""
    matrices, kernels, vectors = [], [], []
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        if p.ndim < 2:
            vectors.append(p)
        elif (
            muon_lr and min(p.flatten(1).shape) >= 16 and p.shape[1] > 1 and not any(s in name for s in plain)
        ):
            matrices.append(p)
        else:
            kernels.append(p)
    groups = [{"params": kernels, "weight_decay": 1e-3}, {"params": vectors, "weight_decay": 0.0}]
    out: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98))]
    return out + ([Muon(matrices, lr=muon_lr)] if matrices else [])
