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

TABLE_CLASS = 8
"""Where docTR's layout models have tables among their classes."""
ORIENTATION_ARCHITECTURES = ("mobilenet_v3_small_page_orientation", "mobilenet_v3_small_crop_orientation")


def random_model(architecture: str, *, seed: int = 0) -> torch.nn.Module:
    """A freshly initialised model, float32; the same for the same seed.

    Args:
        architecture: docTR's name, of any task.
        seed: seed of torch's generator, which is put back afterwards.
    """
    options = {"pretrained": False}
    if not architecture.endswith("_orientation") and not architecture.startswith("lw_detr"):
        options["pretrained_backbone"] = False
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return getattr(models, architecture)(**options)


def random_state_dict(architecture: str, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """State dict of :func:`random_model`."""
    state = random_model(architecture, seed=seed).state_dict()
    return {key: value.detach().clone().contiguous() for key, value in state.items()}


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


def finding_layout_weights(directory: Path, images: Sequence[np.ndarray]) -> Path:
    """Writes ``lw_detr_s.safetensors`` with weights that find some regions of every kind in each of ``images``.

    Random weights are sure of nothing. Here the last layers are set so that one query in fifteen is above docTR's
    threshold, fewer of tables, and boxes are a few tenths of a page.

    Args:
        directory: folder to write to.
        images: (H, W, 3) uint8 RGB, of the kind it will see.
    """
    model = random_model("lw_detr_s").eval()
    state = {key: value.clone() for key, value in model.state_dict().items()}
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(state["bbox_embed.layers.2.weight"].shape, generator=generator) * 0.02
    for boxes in ("bbox_embed.layers.2", "decoder.bbox_embed.layers.2"):  # one layer under two names
        state[f"{boxes}.weight"] = weight.clone()
        state[f"{boxes}.bias"][2:4] = 0.8
    model.load_state_dict(state)
    predictor = models.layout_predictor(with_input_side(model, 256))
    with torch.inference_mode():
        logits = torch.cat(
            [
                model(batch, mask, return_model_output=True)["logits"]
                for batch, mask in _masked_batches(predictor, images)
            ]
        ).flatten(0, 1)
    mean, deviation = logits.mean(dim=0), logits.std(dim=0)
    state["class_embed.weight"] /= deviation[:, None]
    state["class_embed.bias"] = (state["class_embed.bias"] - mean) / deviation - 1.5
    state["class_embed.bias"][TABLE_CLASS] -= 0.5
    save_file(state, directory / "lw_detr_s.safetensors")
    return directory


def finding_table_weights(directory: Path, images: Sequence[np.ndarray]) -> Path:
    """Writes ``tablecenternet.safetensors`` with weights that find some cells in each of ``images``.

    Args:
        directory: folder to write to.
        images: (H, W, 3) uint8 RGB, of the kind it will see.
    """
    model = random_model("tablecenternet")
    predictor = models.table_predictor(with_input_side(model, 256), batch_size=len(images))
    (batch,) = predictor.pre_processor(list(images))
    with torch.no_grad():
        # With its batch norms' statistics those of the images, what it sees of them outweighs the floats' noise.
        for layer in model.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = None
        model.train()._forward_heads(batch)
        state = {key: value.clone() for key, value in model.state_dict().items()}
        maps = model.eval()(batch, return_model_output=True)["out_map"]
    # Per head: the mean and the deviation that its maps are to have, in its own units.
    wanted = {
        "hm": (-1.3, 1.0),
        "reg": (0.5, 0.2),
        "ct2cn": (0.0, 6.0),
        "cn2ct": (0.0, 6.0),
        "lc": (3.0, 1.5),
        "sp": (1.0, 0.3),
    }
    for head, (mean, deviation) in wanted.items():
        values = maps[head].transpose(0, 1).flatten(1)
        scale = deviation / values.std(dim=1)
        state[f"{head}.2.weight"] *= scale[:, None, None, None]
        state[f"{head}.2.bias"] = (state[f"{head}.2.bias"] - values.mean(dim=1)) * scale + mean
    save_file(state, directory / "tablecenternet.safetensors")
    return directory


def with_input_side(model: torch.nn.Module, side: int) -> torch.nn.Module:
    """The model, with an input of ``side`` x ``side`` pixels as far as docTR's predictors are concerned."""
    model.cfg = {**model.cfg, "input_shape": (3, side, side)}
    return model


def _masked_batches(
    predictor: models.layout.predictor.LayoutPredictor, images: Sequence[np.ndarray]
) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    predictor.pre_processor.resize.return_padding_mask = True
    return zip(*predictor.pre_processor(list(images)), strict=True)
