"""Write a checkpoint's averaged weights as half-precision safetensors that docTR's own model loads as they are."""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import json
import random
from pathlib import Path
from typing import Any

import doctr.models
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import common
from synth.words import HEIGHT, WIDTH
from timed_run import load_checkpoint

__all__ = ["checkpoint_at", "export_weights"]

KINDS = {
    "recognition": "crnn_mobilenet_v3_small",
    "crop-orientation": "mobilenet_v3_small_crop_orientation",
    "page-orientation": "mobilenet_v3_small_page_orientation",
}
MODELS = {
    "crnn_mobilenet_v3_small": functools.partial(
        doctr.models.crnn_mobilenet_v3_small, pretrained_backbone=False
    ),
    "mobilenet_v3_small_crop_orientation": doctr.models.mobilenet_v3_small_crop_orientation,
    "mobilenet_v3_small_page_orientation": doctr.models.mobilenet_v3_small_page_orientation,
}


def export_weights(state: dict[str, Tensor], architecture: str, path: Path, **extra: Any) -> None:
    """Write a state dict in half precision; `extra` joins the architecture, the date and the licence in the header."""
    tensors = {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in state.items()}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"{name} does not fit half precision")
    header = {
        "format": "pt",
        "project": "doctr-serve",
        "licence": "Apache-2.0",
        "architecture": architecture,
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        **{k: str(v) for k, v in extra.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata=header)


# docTR cuts crops out of a skewed page so that they lie flat and, but for a page that is upside down, upright
# (`extract_rcrops` of doctr/utils/geometry.py), and takes the likeliest class without a threshold.
UPRIGHT_SHARE = 0.8


def expect_upright(model: nn.Module) -> None:
    """Move the last bias from the equal shares of training to the shares of words as docTR meets them."""
    upright = model.cfg["classes"].index(0)
    shares = torch.full((4,), (1 - UPRIGHT_SHARE) / 3)
    shares[upright] = UPRIGHT_SHARE
    with torch.no_grad():
        model.classifier[-1].bias += torch.log(shares * 4)


def fitted(model: nn.Module, kind: str, count: int) -> nn.Module:
    """Measure the batch-norm statistics anew on inputs exactly as inference sees them."""
    if kind == "recognition":
        from recognition_eval import calibrate, calibration_images

        calibrate(model, calibration_images(count, "export"))
    else:
        from orientation_data import rounds
        from train_orientation import calibrate

        calibrate(model, rounds(kind.split("-")[0])[1], random.Random("export"), count)
    return model


def checkpoint_at(path: Path) -> dict[str, Any]:
    """Return a checkpoint; ends the program where there is none."""
    state = load_checkpoint(path)
    if state is None:
        raise SystemExit(f"no checkpoint at {path}")
    return state


def check(path: Path, architecture: str) -> dict[str, str]:
    """Load the written file into a fresh model as the server does; returns its header."""
    model = MODELS[architecture](pretrained=False)
    common.load_weights(model, path)
    with safe_open(path, "pt") as file:
        return file.metadata()


def main() -> None:
    """Export one model."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("kind", choices=list(KINDS))
    p.add_argument("checkpoint", type=Path)
    p.add_argument("--to", type=Path, default=Path(__file__).parent.parent / "server/doctr_serve/weights")
    p.add_argument(
        "--calibrate", type=int, default=2048, help="inputs to measure batch-norm statistics on; 0: keep them"
    )
    args = p.parse_args()
    common.set_up(1, 0)
    architecture, state = KINDS[args.kind], checkpoint_at(args.checkpoint)
    model = MODELS[architecture](pretrained=False).to(memory_format=torch.channels_last)
    names = model.state_dict().keys()  # leaves out what served the training alone
    model.load_state_dict({k: v for k, v in state["average"].items() if k in names})
    if args.calibrate:
        fitted(model, args.kind, args.calibrate)
    if args.kind == "crop-orientation":
        expect_upright(model)
    path = args.to / f"{architecture}.safetensors"
    if args.kind == "recognition":
        extra = {"vocab": model.vocab, "input_shape": json.dumps([3, HEIGHT, WIDTH])}
    else:
        extra = {"classes": model.cfg["classes"]}
    export_weights(model.state_dict(), architecture, path, samples=state["done"]["words"], **extra)
    print(path, path.stat().st_size, check(path, architecture))


if __name__ == "__main__":
    main()
