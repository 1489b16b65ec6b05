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
import timed_run
from detection_metrics import LEVELS, evaluate
from norms import set_norm_momentum
from optim import cnn_optimizers
from synth.pages import crop, page_maps, render_page

# Parts that AdamW steps: the last layer, squeeze-excitation, and the deepest blocks, whose matrices cost Muon most.
_DEEP = tuple(f"feat_extractor.{i}." for i in range(13, 17))
_PLAIN = ("prob_head.6", ".fc1.", ".fc2.", "in_branches.3", *_DEEP)


def build_model(init_from: str | None = None, bf16: bool = False) -> nn.Module:
    """Return the detector, from nothing or from weights in safetensors; `bf16` suits it to autocast."""
    model = db_mobilenet_v3_large(pretrained=False, pretrained_backbone=False)
    if init_from:
        common.load_weights(model, Path(init_from))
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


class Run:
    """The state of a training run, kept in one file."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Start a run or take up its checkpoint."""
        self.args = args
        self.file = Path(args.out) / "last.pt"
        self.journal = timed_run.Journal(Path(args.out) / "log.jsonl")
        self.model = build_model(args.init_from, args.bf16)
        self.optimizers = cnn_optimizers(self.model, args.lr, args.muon_lr, plain=_PLAIN)
        self.base = [[g["lr"] for g in o.param_groups] for o in self.optimizers]
        self.average = timed_run.Average(self.model, args.ema)
        self.step, self.crops, self.seconds = 0, 0, 0.0
        if saved := timed_run.load_checkpoint(self.file):
            self.model.load_state_dict(saved["model"])
            for optimizer, state in zip(self.optimizers, saved["optimizers"] or (), strict=False):
                optimizer.load_state_dict(state)
            self.average.state, self.average.steps = saved["average"], saved["step"]
            self.step, self.crops, self.seconds = saved["step"], saved["crops"], saved["seconds"]
        self.clock = timed_run.Clock(self.seconds, args.hours)

    def save(self) -> None:
        """Write the checkpoint."""
        timed_run.save_checkpoint(
            self.file,
            model=self.model.state_dict(),
            optimizers=[o.state_dict() for o in self.optimizers],
            average=self.average.state,
            step=self.step,
            crops=self.crops,
            seconds=self.clock.seconds,
        )

    def log(self, **row: float) -> None:
        """Append a line to the log."""
        self.journal.write(step=self.step, crops=self.crops, seconds=round(self.clock.seconds), **row)

    def set_rate(self) -> float:
        """Warm up, hold, then fall straight to nearly nothing; return the factor."""
        factor = min(1.0, (self.step + 1) / 60, max(0.01, (1 - self.clock.progress) / (1 - self.args.hold)))
        for optimizer, rates in zip(self.optimizers, self.base, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        return factor

    def train_step(
        self, images: np.ndarray, kernel_maps: np.ndarray, weights: np.ndarray
    ) -> dict[str, float]:
        """Make one step; return the losses."""
        factor = self.set_rate()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.args.bf16):
            out = logits(self.model, common.normalise(images, self.model))
        loss, parts = loss_of(out.float(), kernel_maps, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.crops += len(images)
        self.average.update(self.model)
        return {"loss": loss.item(), "rate": factor, **parts}

    def validate(self) -> dict[str, float]:
        """Measure the averaged weights on fixed rendered pages."""
        current = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.state)
        self.model.eval()
        result = box_scores(self.model, self.args.val_pages)
        self.model.load_state_dict(current)
        self.model.train()
        return result


def train(args: argparse.Namespace) -> None:
    """Train until the hours are used up or the process is asked to stop."""
    common.set_up(args.threads, args.seed)
    run, stop = Run(args), timed_run.Stop()
    run.model.train()
    source = batches(args.seed * 1000003 + run.step, args.size, args.batch)
    bar, sums = tqdm(total=round(args.hours * 3600), initial=round(run.seconds), unit="s", mininterval=15), {}
    while run.clock.progress < 1 and not stop:
        for key, value in run.train_step(*next(source)).items():
            sums[key] = sums.get(key, 0.0) + value / args.log_every
        bar.update(round(run.clock.seconds) - bar.n)
        if run.step % args.log_every == 0:
            run.log(**sums)
            bar.set_description(f"loss {sums['loss']:.3f}", refresh=False)
            sums = {}
        if run.step % args.save_every == 0:
            run.save()
        if run.step % args.validate_every == 0:
            run.log(**run.validate())
    run.save()
    if not stop:
        run.log(**run.validate())


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", required=True, help="folder of the checkpoint and the log")
    parser.add_argument("--init-from", help="weights (safetensors) to start a new run from")
    parser.add_argument(
        "--hours", type=float, default=3.0, help="length of the schedule, in hours of training"
    )
    parser.add_argument("--hold", type=float, default=0.5, help="share of the schedule before the rate falls")
    parser.add_argument("--size", type=int, default=256, help="side of the windows, in pixels")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--lr", type=float, default=2e-3, help="AdamW's learning rate")
    parser.add_argument(
        "--muon-lr", type=float, default=0.02, help="Muon's learning rate; 0 leaves all to AdamW"
    )
    parser.add_argument("--ema", type=float, default=0.998, help="decay of the averaged weights")
    parser.add_argument(
        "--bf16",
        action="store_true",
        help="bfloat16 autocast: 1.75 times as fast on processors with AVX-512 BF16",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--val-pages", type=int, default=12)
    parser.add_argument("--log-every", type=int, default=20)
    parser.add_argument("--save-every", type=int, default=100)
    parser.add_argument("--validate-every", type=int, default=500)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
