"""Make the detector's shipped weights from a checkpoint: the threshold moved to where it belongs.

    python -m calibrate --checkpoint runs/detection/checkpoint.pt --out ../server/doctr_serve/weights

The logit at which boxes match words best on rendered pages is found, and the last bias is moved so that this logit
becomes the contract's threshold, 0.1; `--level` sets the logit instead. `--statistics-pages` measures the batch-norm
statistics anew on whole pages first; few pages (16) did worse than the averaged statistics of training.
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

import common
from export import checkpoint_at, export_weights
from norms import recalibrate
from synth.pages import render_page
from train_detection import box_scores, build_model, logits

ARCHITECTURE = "db_mobilenet_v3_large"
THRESHOLD = 0.1  # the contract's default, for pixels and for boxes


def measure_statistics(model: nn.Module, pages: int, seed: int = 77) -> None:
    """Set the batch-norm statistics to their means over rendered pages."""
    rng = random.Random(seed)
    images = (render_page(rng).image[None] for _ in tqdm(range(pages), desc="statistics"))
    recalibrate(model, images, lambda x: logits(model, x))


def move_level(model: nn.Module, level: float) -> None:
    """Shift the last bias so that a logit of `level` comes out as the threshold."""
    with torch.no_grad():
        model.prob_head[-1].bias += math.log(THRESHOLD / (1 - THRESHOLD)) - level


def main() -> None:
    """Read the command line, calibrate, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path, help="folder of the weights")
    parser.add_argument("--statistics-pages", type=int, default=0, help="0 keeps the averaged statistics")
    parser.add_argument("--pages", type=int, default=24, help="pages on which the level is found")
    parser.add_argument("--level", type=float, help="the logit to use, instead of the one found")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    common.set_up(args.threads, 0)
    saved = checkpoint_at(args.checkpoint)
    model = build_model()
    model.load_state_dict(saved["average"])
    model.eval()
    if args.statistics_pages:
        measure_statistics(model, args.statistics_pages)
    level, found = args.level, {}
    if level is None:
        found = box_scores(model, args.pages)
        print(found)
        level = found["level"]
    move_level(model, level)
    path = args.out / f"{ARCHITECTURE}.safetensors"
    extra = {"windows": saved["done"]["crops"], "level": level, "box_f1": found.get("box_f1", "")}
    export_weights(model.state_dict(), ARCHITECTURE, path, **extra)
    print(path, path.stat().st_size, extra)


if __name__ == "__main__":
    main()
