"""Train the detector `db_mobilenet_v3_large` on rendered pages.

    python -m train_detection --out runs/detection --hours 3

Stop it at any moment and give the same command again: it goes on from its checkpoint. `--init-from` starts from
shipped weights instead of from nothing. Only the probability head is trained: inference does not use the other one.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from doctr.models.detection import db_mobilenet_v3_large
from torch import Tensor, nn
from tqdm import tqdm

import common
import fastconv
import kernels
from detection_metrics import LEVELS, evaluate
from norms import set_norm_momentum
from optim import cnn_optimizers
from synth.pages import crop, page_maps, render_page
from timed_run import TimedRun

# Parts that AdamW steps: the last layer, squeeze-excitation, and the deepest blocks, whose matrices cost Muon most.
_DEEP = tuple(f"feat_extractor.{i}." for i in range(13, 17))
_PLAIN = ("prob_head.6", ".fc1.", ".fc2.", "in_branches.3", *_DEEP)


def build_model(init_from: Path | None = None, bf16: bool = False) -> nn.Module:
    """Return the detector, from nothing or from weights in safetensors; `bf16` suits it to autocast."""
    model = db_mobilenet_v3_large(pretrained=False, pretrained_backbone=False)
    if init_from:
        common.load_weights(model, init_from)
    set_norm_momentum(model, 0.05)
    model.thresh_head.requires_grad_(False)
    model = model if bf16 else fastconv.speed_up(model)
    return kernels.speed_up(model, depthwise_only=bf16).to(memory_format=torch.channels_last)


def logits(model: nn.Module, x: Tensor) -> Tensor:
    """Return the probability head's logits."""
    features = model.feat_extractor(x)
    return model.prob_head(model.fpn([features[str(i)] for i in range(len(features))]))


def box_scores(model: nn.Module, pages: int, levels: Sequence[float] = LEVELS) -> dict[str, float]:
    """Score the boxes on fixed rendered pages at some levels of the logits (see `detection_metrics`)."""
    return evaluate(lambda images: logits(model, common.normalise(images, model)), pages, levels)


def batches(
    seed: int, size: int, batch: int, per_page: int = 12, pool: int = 72
) -> Iterator[list[np.ndarray]]:
    """Yield pictures, kernels and weights; windows of several pages are mixed."""
    rng = random.Random(seed)
    ready: list[tuple[np.ndarray, ...]] = []
    while True:
        while len(ready) < pool:
            page = render_page(rng)
            maps = page_maps(page)
            ready += [tuple(a.copy() for a in crop(page, maps, rng, size)) for _ in range(per_page)]
        rng.shuffle(ready)
        for _ in range(pool // (2 * batch)):
            items = [ready.pop() for _ in range(batch)]
            yield [np.stack(column) for column in zip(*items, strict=True)]


def loss_of(out: Tensor, kernel_maps: np.ndarray, weights: np.ndarray) -> tuple[Tensor, dict[str, float]]:
    """Cross entropy on word pixels and on thrice as many of the hardest others, and the Dice loss."""
    out = out[:, 0]
    target = torch.from_numpy(kernel_maps).float() / 255
    weight = torch.from_numpy(weights).float() / 16
    bce = nn.functional.binary_cross_entropy_with_logits(out, target, reduction="none") * weight
    positive = (target > 0) & (weight > 0)
    count = int(positive.sum())
    rest = bce[~positive]
    hard = rest.topk(min(rest.numel(), 3 * count + 2000), sorted=False).values
    entropy = (bce[positive].sum() + hard.sum()) / (count + hard.numel())
    p = torch.sigmoid(out)
    dice = 1 - 2 * (weight * p * target).sum() / ((weight * (p + target)).sum() + 1)
    return 3 * entropy + dice, {"entropy": entropy.item(), "dice": dice.item()}


def rate_share(step: int, progress: float, hold: float) -> float:
    """Return the share of the highest learning rate: 60 steps of warm-up, a hold, then a straight fall."""
    return min(1.0, (step + 1) / 60, max(0.01, (1 - progress) / (1 - hold)))


def train(args: argparse.Namespace, run: TimedRun) -> None:
    """Run the loop: batches in, weights, log and checkpoints out."""
    model, done = run.model, run.done
    source = batches(args.seed * 1000003 + done["steps"], args.size, args.batch)
    total, spent = round(args.hours * 3600), round(run.clock.seconds)
    bar = tqdm(total=total, initial=spent, unit="s", mininterval=15)
    model.train()
    for _ in run.steps():
        images, kernel_maps, weights = next(source)
        share = rate_share(done["steps"], run.clock.progress, args.hold)
        run.set_rates((args.lr, args.muon_lr), share)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            out = logits(model, common.normalise(images, model))
        loss, parts = loss_of(out.float(), kernel_maps, weights)
        run.learn(loss)
        run.note(**parts)
        run.count(len(images))
        bar.update(round(run.clock.seconds) - bar.n)
        if row := run.log_when_due(args.log_every, lr=args.lr * share):
            bar.set_description(f"loss {row['loss']:.3f}", refresh=False)
        run.save_when_due(lambda: box_scores(run.averaged(), args.val_pages))


def parse() -> argparse.Namespace:
    """Read the command line."""
    p = common.training_options(__doc__, hours=3.0)
    p.add_argument("--hold", type=float, default=0.5, help="share of the schedule before the rate falls")
    p.add_argument("--size", type=int, default=256, help="side of the windows, in pixels")
    p.add_argument("--batch", type=int, default=2)
    p.add_argument("--ema", type=float, default=0.998, help="decay of the averaged weights")
    p.add_argument(
        "--bf16",
        action="store_true",
        help="bfloat16 autocast: 1.75 times as fast on processors with AVX-512 BF16",
    )
    p.add_argument("--val-pages", type=int, default=12)
    p.add_argument("--log-every", type=int, default=20)
    return p.parse_args()


def main() -> None:
    """Train until the schedule is over or the process is asked to stop."""
    args = parse()
    common.set_up(args.threads, args.seed)
    model = build_model(args.init_from, args.bf16)
    optimizers = cnn_optimizers(model, args.lr, args.muon_lr, plain=_PLAIN)
    train(args, TimedRun(args.out, args.hours, model, optimizers, decay=args.ema, unit="crops"))


if __name__ == "__main__":
    main()
