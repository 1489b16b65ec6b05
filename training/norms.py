"""Batch-norm statistics: how fast they follow the data, how they are kept, how they are measured anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from common import normalise

__all__ = ["freeze_norms", "recalibrate", "set_norm_momentum"]


def _norms(model: nn.Module) -> Iterator[nn.BatchNorm2d]:
    return (module for module in model.modules() if isinstance(module, nn.BatchNorm2d))


def set_norm_momentum(model: nn.Module, momentum: float | None) -> None:
    """Set how fast batch-norm statistics follow the data (None: plain mean over all batches seen)."""
    for norm in _norms(model):
        norm.momentum = momentum


def freeze_norms(model: nn.Module) -> None:
    """Let batch norm use the statistics it has, in training as in inference."""
    for norm in _norms(model):
        norm.eval()


@torch.no_grad()
def recalibrate(
    model: nn.Module, batches: Iterable[np.ndarray], forward: Callable[[Tensor], Any] | None = None
) -> None:
    """Measure the statistics of a model anew on batches of pictures (N, H, W, 3).

    `forward` is the part of the model that they pass through, where that is not all of it. The model is left ready
    for inference.
    """
    for norm in _norms(model):
        norm.reset_running_stats()
    set_norm_momentum(model, None)
    model.train()
    for images in batches:
        (forward or model)(normalise(images, model))
    model.eval()
