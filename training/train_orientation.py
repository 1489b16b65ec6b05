"""Train the classifiers of turned words and turned pages; resumes from its checkpoint when started again.

Class k is what `numpy.rot90(upright, k)` shows, which docTR calls 0, -90, 180 and 90. Pages are learnt from windows
of a quarter of their area, since letters tell which way is up wherever one looks, and from whole pages at the end;
words several at once, and alone at the end. `--init-from` takes a recogniser, too, for its convolutions.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from doctr.models import mobilenet_v3_small_crop_orientation, mobilenet_v3_small_page_orientation
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

import common
from kernels import speed_up
from norms import recalibrate, set_norm_momentum
from optim import cnn_optimizers
from orientation_data import SIZE, padded, rounds
from timed_run import TimedRun

# Share of the run on the easier inputs, which hold more letters each.
EASY_SHARE = {"crop": 0.6, "page": 0.85}
MODELS = {"crop": mobilenet_v3_small_crop_orientation, "page": mobilenet_v3_small_page_orientation}


def calibrate(model: nn.Module, make: Any, rng: random.Random, count: int) -> None:
    """Fit the batch-norm statistics to inputs as inference sees them."""

    def batches() -> Iterator[np.ndarray]:
        seen = 0
        while seen < count:
            for images, _ in make(rng, 0):
                yield images
                seen += len(images)

    recalibrate(model, batches())


def real_pages(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return real pages in all four directions, for evaluation only."""
    images, labels = [], []
    for path in sorted([*folder.glob("*/*.png"), *folder.glob("*/*.jpg")]):
        page = padded(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), SIZE["page"])
        for turn in range(4):
            images.append(np.rot90(page, turn))
            labels.append(turn)
    return np.stack(images), np.array(labels)


def accuracy(model: nn.Module, images: np.ndarray, labels: np.ndarray, batch: int = 16) -> float:
    """Return the share of inputs whose direction is found."""
    right = 0
    with torch.inference_mode():
        for i in range(0, len(labels), batch):
            guess = model(common.normalise(images[i : i + batch], model)).argmax(1).numpy()
            right += int((guess == labels[i : i + batch]).sum())
    return right / len(labels)


def evaluate(args: argparse.Namespace, model: nn.Module) -> dict[str, float]:
    """Score a model on rendered inputs and, if at hand, on real pages."""
    _, make = rounds(args.kind)
    calibrate(model, make, random.Random("calibration"), 96 if args.kind == "crop" else 48)
    rng, scores = random.Random("validation"), {}
    sets = [batch for _ in range(4) for batch in make(rng, 0)]
    scores["synthetic"] = float(np.mean([accuracy(model, *batch) for batch in sets]))
    if args.kind == "page" and args.real_dir and args.real_dir.is_dir():
        scores["real"] = accuracy(model, *real_pages(args.real_dir))
    return scores


def parse() -> argparse.Namespace:
    """Read the command line."""
    p = common.training_options(__doc__, hours=0.25)
    p.add_argument("kind", choices=list(MODELS))
    p.add_argument("--easy", type=float, help="share of the run on easier inputs; 0 to go on from weights")
    p.add_argument("--real-dir", type=Path, help="real pages, for evaluation only")
    return p.parse_args()


def start_from(model: nn.Module, path: Path) -> None:
    """Load exported weights: the classifier's own, or the convolutions of a recogniser."""
    state = {k.replace("feat_extractor.", "features."): v.float() for k, v in load_file(path).items()}
    own = model.state_dict()
    model.load_state_dict(
        {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}, strict=False
    )


def main() -> None:
    """Train until the schedule is over or the process is asked to stop."""
    args = parse()
    common.set_up(args.threads, args.seed)
    model = MODELS[args.kind](pretrained=False)
    if args.init_from:
        start_from(model, args.init_from)
    model = speed_up(model.to(memory_format=torch.channels_last))
    set_norm_momentum(model, 0.05)
    optimizers = cnn_optimizers(model, args.lr, args.muon_lr, plain=("classifier.3",))
    train(args, TimedRun(args.out, args.hours, model, optimizers, decay=0.99))


def loss_of(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> Tensor:
    """Return the cross entropy of a batch."""
    return F.cross_entropy(
        model(common.normalise(images, model)), torch.from_numpy(labels), label_smoothing=0.02
    )


def train(args: argparse.Namespace, run: TimedRun) -> None:
    """Run the loop: batches in, weights, log and checkpoints out."""
    model, done = run.model, run.done
    batches = [common.produce(make, args.seed, done["steps"], depth=6) for make in rounds(args.kind)]
    model.train()
    bar = tqdm(unit="image", initial=done["words"])
    easy = EASY_SHARE[args.kind] if args.easy is None else args.easy
    for _ in run.steps():
        images, labels = next(batches[run.clock.progress >= easy])
        share = common.one_cycle(run.clock.progress, 0.05)
        run.set_rates((args.lr, args.muon_lr), share)
        run.learn(loss_of(model, images, labels))
        run.count(len(labels))
        bar.update(len(labels))
        run.log_when_due(25, lr=args.lr * share)
        run.save_when_due(lambda: evaluate(args, run.averaged()))


if __name__ == "__main__":
    main()
