"""Muon (K. Jordan, 2024): momentum whose matrices are made orthogonal, so that few steps go a long way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Muon"]


def orthogonal(batch: Tensor, steps: int = 4, bf16: bool = False) -> Tensor:
    """Return roughly the nearest orthogonal matrices (N, rows, columns), by a quintic Newton-Schulz iteration."""
    if batch.shape[1] > batch.shape[2]:  # the smaller Gram matrix costs less
        return orthogonal(batch.transpose(1, 2).contiguous(), steps, bf16).transpose(1, 2)
    a, b, c = 3.4445, -4.7750, 2.0315
    x = batch / (batch.flatten(1).norm(dim=1).view(-1, 1, 1) + 1e-7)
    x = x.bfloat16() if bf16 else x
    for _ in range(steps):
        gram = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.float()


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal; `lr` is the spectral norm of a step on a square matrix.

    Takes parameters of two or more dimensions; all but the first are flattened. Groups may carry `blocks`: how many
    matrices lie on top of each other in a parameter (4 gates in an LSTM's). Matrices of one shape are stepped
    together. `bf16` makes them orthogonal in bfloat16, which is precise enough.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.02,
        momentum: float = 0.95,
        decay: float = 0.01,
        bf16: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay, "blocks": 1, "bf16": bf16})

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a checkpoint may be older than these two
            group.setdefault("blocks", self.defaults["blocks"])
            group.setdefault("bf16", self.defaults["bf16"])

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Step all parameters that have a gradient."""
        for group in self.param_groups:
            waiting: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is None:
                    continue
                if not self.state[p]:
                    self.state[p]["momentum"] = torch.zeros_like(p)
                mean = self.state[p]["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = torch.lerp(p.grad, mean, group["momentum"]).flatten(1)
                update = update.view(group["blocks"], -1, update.shape[1])
                waiting[tuple(update.shape[1:])].append((p, update))
            for (rows, columns), items in waiting.items():
                self._apply(items, max(1.0, rows / columns) ** 0.5, group)

    @staticmethod
    def _apply(items: list[tuple[Tensor, Tensor]], scale: float, group: dict[str, Any]) -> None:
        """Step parameters by updates (blocks, rows, columns) of one shape."""
        stack = orthogonal(torch.cat([update for _, update in items]), bf16=group["bf16"]) * scale
        for (p, _), step in zip(items, stack.split(group["blocks"]), strict=True):
            p.mul_(1 - group["lr"] * group["decay"]).add_(step.reshape(p.shape), alpha=-group["lr"])
