"""Train crnn_mobilenet_v3_small on rendered words; resumes from its checkpoint when started again.

The renderer knows where each character stands, so every time step has a label. The convolutions learn from these
labels alone at first, which costs half as much and needs no search for the alignment; then the LSTM joins in, and
the loss turns from the labels to CTC.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from doctr.models import crnn_mobilenet_v3_small
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

import common
from kernels import speed_up
from norms import freeze_norms, set_norm_momentum
from optim import crnn_optimizers
from recognition_data import BLANK, INDEX, POOL, Batch, HardWords, Rounds
from recognition_eval import evaluate, features_of, validation
from synth.fonts import VOCAB
from timed_run import TimedRun


def aligned_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return each word's cross entropy over its time steps, (N,); blanks count half."""
    weight = torch.ones(BLANK + 1)
    weight[BLANK] = 0.5
    steps = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), weight, reduction="none")
    return steps.view(labels.shape).sum(1) / weight[labels].sum(1)


def ctc_losses(logits: Tensor, texts: list[str]) -> Tensor:
    """Return each word's CTC loss a character, (N,)."""
    target = torch.tensor([INDEX[c] for t in texts for c in t])
    lengths = torch.tensor([len(t) for t in texts])
    steps = torch.full((len(texts),), logits.shape[1])
    scores = logits.transpose(0, 1).log_softmax(-1)
    losses = F.ctc_loss(scores, target, steps, lengths, BLANK, reduction="none", zero_infinity=True)
    return losses / lengths


def word_losses(args: argparse.Namespace, model: nn.Module, batch: Batch, seen: int) -> Tensor:
    """Return the loss of each word, (N,): the convolutions alone first (half the work), then the whole model's."""
    labels = torch.from_numpy(batch[1])
    with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
        features = features_of(model, common.normalise(batch[0], model))
        if seen < args.convolution_words:
            return aligned_losses(model.direct(features).float(), labels)
        logits = model.linear(model.decoder(features)[0]).float()
    aligned = aligned_share(seen - args.convolution_words, args.aligned_words)
    losses = logits.new_zeros(len(labels))
    if aligned > 0:
        losses = losses + aligned * aligned_losses(logits, labels)
    if aligned < 1:
        losses = losses + (1 - aligned) * ctc_losses(logits, batch[2])
    if args.convolution_words == 0:  # a head that never learned would pull trained convolutions astray
        return losses
    return losses + 0.2 * aligned_losses(model.direct(features).float(), labels)


def parse() -> argparse.Namespace:
    """Read the command line."""
    p = common.training_options(__doc__, hours=3.0)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--full", type=float, default=0.35, help="share of batches that keep their padding")
    p.add_argument("--convolution-words", type=int, default=100_000, help="words before the LSTM joins in")
    p.add_argument(
        "--aligned-words", type=int, default=60_000, help="words after that until the loss is CTC alone"
    )
    p.add_argument(
        "--again", type=float, default=0.5, help="share of words, those read worst, shown once more"
    )
    p.add_argument(
        "--bf16", action="store_true", help="bfloat16 autocast, for AVX-512 BF16: 1.3 to 1.5 times as fast"
    )
    p.add_argument(
        "--freeze-norms",
        action="store_true",
        help="keep the batch-norm statistics of --init-from as they are",
    )
    p.add_argument("--average", type=float, default=0.998)
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--real-dir", type=Path, help="real pages, for evaluation only")
    return p.parse_args()


def aligned_share(seen: int, until: int) -> float:
    """Return the weight of the aligned loss: all of it for 40% of the span, then falling to none."""
    return max(0.0, min(1.0, (until - seen) / max(1, 0.6 * until)))


def main() -> None:
    """Train until the schedule is over or the process is asked to stop."""
    args = parse()
    common.set_up(args.threads, args.seed)
    model = crnn_mobilenet_v3_small(pretrained=False, pretrained_backbone=False, vocab=VOCAB)
    if args.init_from:
        common.load_weights(model, args.init_from)
    model.direct = nn.Linear(
        model.decoder.input_size, BLANK + 1
    )  # reads the convolutions' features by themselves
    model.feat_extractor.to(memory_format=torch.channels_last)
    speed_up(model.feat_extractor, depthwise_only=args.bf16)
    set_norm_momentum(model, 0.05)
    optimizers = crnn_optimizers(model, args.lr, args.muon_lr, args.bf16)
    train(args, TimedRun(args.out, args.hours, model, optimizers, decay=args.average))


def train(args: argparse.Namespace, run: TimedRun) -> None:
    """Run the loop: batches in, weights, log and checkpoints out."""
    model, done = run.model, run.done
    sets = validation(512, args.real_dir)
    if args.freeze_norms:
        del sets["calibration"]
    rounds = Rounds(args.batch, args.full, 60 if not args.init_from else 0)
    done.setdefault("batches", 0)
    source = common.produce(rounds, args.seed, done["batches"] // POOL, args.workers)
    hard, again = HardWords(args.batch, args.again, args.seed), []

    def validate() -> dict[str, float]:
        return evaluate(run.averaged(), sets, direct=done["words"] < args.convolution_words)

    model.train()
    if args.freeze_norms:
        freeze_norms(model)
    bar, mark = tqdm(unit="word", initial=done["words"], mininterval=15), time.monotonic()
    for _ in run.steps():
        fresh = not again
        batch = next(source) if fresh else again.pop()
        share = common.one_cycle(run.clock.progress)
        run.set_rates((args.lr, args.muon_lr), share)
        by_word = word_losses(args, model, batch, done["words"])
        if torch.isfinite(by_word).all():
            run.learn(by_word.mean())
            if fresh:
                again = hard.add(batch, by_word.detach().numpy())
        run.count(len(batch[2]))
        done["batches"] += fresh
        bar.update(len(batch[2]))
        rate = 100 * args.batch / (time.monotonic() - mark)
        if run.log_when_due(100, rate=rate, lr=args.lr * share):
            mark = time.monotonic()
        if run.save_when_due(validate, every=2):
            mark = time.monotonic()


if __name__ == "__main__":
    main()
