"""One request's view of the shared models: what docTR's predictors call instead of the bare networks.

docTR keeps the thresholds and ``assume_straight_pages`` on the model and its post-processor (doctr/models/
detection/core.py), so setting them per request on a shared model would be a race. Here the network is shared,
and the post-processor belongs to the request.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.runtimes import Backend
from doctr_serve.inference.scheduler import ForwardScheduler

__all__ = ["DetectionModel", "Forwarder", "OrientationModel", "RecognitionModel", "silence_postprocessor"]


@dataclass(frozen=True)
class Forwarder:
    """Runs a shared network for one request: in its turn, and only while the request lives."""

    backend: Backend
    scheduler: ForwardScheduler
    interrupt: Interrupt

    def __call__(self, network: nn.Module, batch: torch.Tensor, **arguments: Any) -> Any:
        """Returns the network's answer for a batch (N, 3, H, W)."""
        return self.scheduler.run(lambda: self.backend.forward(network, batch, **arguments), self.interrupt)


def silence_postprocessor(network: nn.Module) -> Any:
    """Takes the post-processor off a shared detection network and returns it, as the template of each request's.

    docTR's detection models post-process inside ``forward`` whenever no target is given; with none left there,
    a forward yields the probability map alone.
    """
    template = network.postprocessor
    network.postprocessor = lambda probability_maps: []
    return template


class _SharedModel(nn.Module):
    """Base: holds the network without owning it, so that ``eval()`` and ``to()`` of a predictor leave it alone."""

    def __init__(self, network: nn.Module, forwarder: Forwarder) -> None:
        super().__init__()
        # A plain reference, not a submodule: building a request's predictor must not walk the network.
        self.__dict__["network"] = network
        self.__dict__["forwarder"] = forwarder
        self.cfg = network.cfg

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Yields the network's parameters: docTR's predictors read device and dtype off the first."""
        return self.network.parameters(recurse)


class DetectionModel(_SharedModel):
    """A shared detection network with the thresholds of one request."""

    def __init__(
        self,
        network: nn.Module,
        forwarder: Forwarder,
        postprocessor: Any,
        *,
        binary_threshold: float,
        box_threshold: float,
        assume_straight_pages: bool,
    ) -> None:
        super().__init__(network, forwarder)
        self.assume_straight_pages = assume_straight_pages
        self.postprocessor = copy.copy(postprocessor)
        self.postprocessor.bin_thresh = binary_threshold
        self.postprocessor.box_thresh = box_threshold
        self.postprocessor.assume_straight_pages = assume_straight_pages

    def forward(
        self, batch: torch.Tensor, return_preds: bool = True, return_model_output: bool = False
    ) -> dict[str, Any]:
        """Returns ``preds`` (per page, class name to boxes) and, if asked, ``out_map`` (N, 1, H, W), 0 to 1."""
        out = self.forwarder(self.network, batch, return_model_output=True)
        probability_maps = out["out_map"].cpu()
        boxes = self.postprocessor(probability_maps.permute(0, 2, 3, 1).numpy())
        answer: dict[str, Any] = {
            "preds": [dict(zip(self.network.class_names, page, strict=True)) for page in boxes]
        }
        if return_model_output:
            answer["out_map"] = probability_maps
        return answer


class RecognitionModel(_SharedModel):
    """A shared recognition network."""

    def forward(self, batch: torch.Tensor, return_preds: bool = True) -> dict[str, list[tuple[str, float]]]:
        """Returns ``preds``: text and confidence of each crop."""
        return self.forwarder(self.network, batch, return_preds=return_preds)


class OrientationModel(_SharedModel):
    """A shared orientation classifier."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Returns logits of shape (N, 4), in the order of ``cfg["classes"]``."""
        return self.forwarder(self.network, batch)
