"""Random weights of any docTR architecture, written where the catalog looks for them.

docTR's pretrained weights are hundreds of megabytes from the internet; what the tests check (every
architecture loads, runs, and gives docTR's own results) needs weights that are the same on both sides, not
good ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from doctr import models
from safetensors.torch import save_file

ORIENTATION_ARCHITECTURES = ("mobilenet_v3_small_page_orientation", "mobilenet_v3_small_crop_orientation")


def random_state_dict(architecture: str, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """State dict of a freshly initialised model, float32; the same for the same seed.

    Args:
        architecture: docTR's name, detection, recognition or orientation.
        seed: seed of torch's generator, which is put back afterwards.
    """
    options = {"pretrained": False}
    if not architecture.endswith("_orientation"):
        options["pretrained_backbone"] = False
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(models, architecture)(**options)
    return {key: value.detach().clone().contiguous() for key, value in model.state_dict().items()}


def random_weights_dir(
    directory: Path, architectures: Iterable[str], *, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Path:
    """Writes ``<architecture>.safetensors`` with random weights for each architecture.

    Args:
        directory: folder to write to; created where it is missing.
        architectures: docTR's names.
        seed: as of :func:`random_state_dict`.
        dtype: type of the stored floating-point tensors.

    Returns:
        ``directory``, to be used as the setting ``weights_dir``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for architecture in architectures:
        state = {
            key: value.to(dtype) if value.is_floating_point() else value
            for key, value in random_state_dict(architecture, seed=seed).items()
        }
        save_file(state, directory / f"{architecture}.safetensors")
    return directory


def undecided_orientation_checkpoint(
    directory: Path, architecture: str, images: Sequence[np.ndarray]
) -> Path:
    """Writes ``<architecture>.pt``, as docTR publishes them, with a classifier that tells ``images`` apart.

    Random weights answer the same class for nearly every image. Here the mean answer is taken out of the last
    layer's bias, so that the classes vary and a mix-up of images shows.

    Args:
        directory: folder to write to.
        architecture: one of ``ORIENTATION_ARCHITECTURES``.
        images: (H, W, 3) uint8 RGB, of the kind it will see.
    """
    model = getattr(models, architecture)(pretrained=False)
    model.load_state_dict(random_state_dict(architecture))
    make = models.page_orientation_predictor if "page" in architecture else models.crop_orientation_predictor
    predictor = make(model)
    with torch.inference_mode():
        batches = predictor.pre_processor(list(images))
        mean = torch.cat([predictor.model.eval()(batch) for batch in batches]).mean(dim=0)
    state = {key: value.detach().clone() for key, value in model.state_dict().items()}
    bias = list(state)[-1]
    state[bias] -= mean
    path = directory / f"{architecture}.pt"
    torch.save(state, path)
    return path
