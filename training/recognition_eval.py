"""Run a recogniser on word crops and score it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import common
from norms import recalibrate
from real_words import accuracy, load_crops
from synth import words

__all__ = ["calibrate", "calibration_images", "evaluate", "features_of", "logits_of", "validation"]


def features_of(model: nn.Module, x: Tensor) -> Tensor:
    """Return what the convolutions see: (N, steps, features)."""
    f = model.feat_extractor(x)
    n, c, h, w = f.shape
    return f.reshape(n, c * h, w).transpose(1, 2)


def logits_of(model: nn.Module, x: Tensor) -> Tensor:
    """Return the scores (N, steps, characters + blank)."""
    return model.linear(model.decoder(features_of(model, x))[0])


def calibration_images(count: int, seed: str) -> np.ndarray:
    """Return word crops with their padding, to measure batch-norm statistics on."""
    rng = random.Random(seed)
    return np.stack([words.render(rng).image for _ in range(count)])


def calibrate(model: nn.Module, images: np.ndarray, batch: int = 128) -> None:
    """Fit the batch-norm statistics to padded crops, as inference sees them."""
    starts = range(0, len(images) - batch + 1, batch)
    recalibrate(model, (images[i : i + batch] for i in starts), model.feat_extractor)


def read(model: nn.Module, images: np.ndarray, batch: int = 128, direct: bool = False) -> list[str]:
    """Read word crops, with the whole model or with its convolutions alone."""
    out: list[str] = []
    with torch.inference_mode():
        for i in range(0, len(images), batch):
            x = common.normalise(images[i : i + batch], model)
            logits = model.direct(features_of(model, x)) if direct else logits_of(model, x)
            out += [t for t, _ in model.postprocessor(logits)]
    return out


def evaluate(model: nn.Module, sets: dict[str, Any], direct: bool) -> dict[str, float]:
    """Score a model: share of words read exactly, and letters and digits only, case ignored."""
    if "calibration" in sets:
        calibrate(model, sets["calibration"])
    out: dict[str, float] = {}
    for name, (images, texts) in ((n, s) for n, s in sets.items() if n != "calibration"):
        out[f"{name}_exact"], out[f"{name}_alnum"] = accuracy(read(model, images, direct=direct), texts)
    return out


def validation(count: int, real_dir: Path | None) -> dict[str, Any]:
    """Return the sets to score on: rendered words of a seed of their own, and real ones if they are at hand."""
    rng = random.Random("validation")
    made = [words.render(rng) for _ in range(count)]
    sets: dict[str, Any] = {"synthetic": (np.stack([w.image for w in made]), [w.text for w in made])}
    sets["calibration"] = calibration_images(256, "calibration")
    if real_dir and (real_dir / "forms").is_dir():
        sets["forms"] = load_crops(real_dir / "forms", 600)
    return sets
