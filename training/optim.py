"""The recogniser's optimisers: Muon for convolutions and the gates of the LSTM, AdamW for everything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["BlockMuon", "recogniser_optimizers"]


def orthogonal(batch: Tensor, steps: int = 4, bf16: bool = False) -> Tensor:
    """Return roughly the nearest orthogonal matrices (N, rows <= columns), by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = batch / (batch.flatten(1).norm(dim=1).view(-1, 1, 1) + 1e-7)
    x = x.bfloat16() if bf16 else x
    for _ in range(steps):
        gram = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.float()


class BlockMuon(torch.optim.Optimizer):
    """Momentum whose matrices are made orthogonal (Muon, K. Jordan 2024).

    Groups carry `blocks`: how many matrices lie on top of each other in a parameter (4 gates in an LSTM's). Matrices
    of one shape are stepped together. `bf16` makes them orthogonal in bfloat16, which is precise enough.
    """

    def __init__(
        self,
        groups: Iterable[dict],
        lr: float = 0.02,
        momentum: float = 0.95,
        decay: float = 0.01,
        bf16: bool = False,
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "decay": decay, "blocks": 1, "bf16": bf16})

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
            for (rows, cols), items in waiting.items():
                self._apply(items, rows, cols, group)

    @staticmethod
    def _apply(items: list[tuple[Tensor, Tensor]], rows: int, cols: int, group: dict) -> None:
        stack = torch.cat([u for _, u in items])
        flat = (
            orthogonal(stack, bf16=group["bf16"])
            if rows <= cols
            else orthogonal(stack.transpose(1, 2).contiguous(), bf16=group["bf16"]).transpose(1, 2)
        )
        flat = flat * max(1.0, rows / cols) ** 0.5
        for (p, u), step in zip(items, flat.split(group["blocks"])):
            p.mul_(1 - group["lr"] * group["decay"]).add_(
                step.reshape(u.shape).reshape(p.shape), alpha=-group["lr"]
            )


def recogniser_optimizers(
    model: nn.Module, lr: float, muon_lr: float, bf16: bool = False
) -> list[torch.optim.Optimizer]:
    """Return AdamW and, unless `muon_lr` is 0, Muon, over the parameters of a recogniser."""
    gates, matrices, kernels, vectors = [], [], [], []
    for name, p in model.named_parameters():
        if p.ndim < 2:
            vectors.append(p)
        elif muon_lr and name.startswith("decoder."):
            gates.append(p)
        elif muon_lr and name.startswith("feat_") and min(p.flatten(1).shape) >= 16 and p.shape[1] > 1:
            matrices.append(p)
        else:
            kernels.append(p)
    plain = [{"params": kernels, "weight_decay": 1e-2}, {"params": vectors, "weight_decay": 0.0}]
    out: list[torch.optim.Optimizer] = [torch.optim.AdamW(plain, lr=lr, betas=(0.9, 0.98), foreach=True)]
    if muon_lr:
        groups = [{"params": matrices}, {"params": gates, "blocks": 4}]
        out.append(BlockMuon(groups, lr=muon_lr, bf16=bf16))
    return out
