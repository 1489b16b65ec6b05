"""What all training programs share: options, settings, learning rates, weights to start from, inputs, data workers."""

from __future__ import annotations

import argparse
import math
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.multiprocessing as mp
from safetensors.torch import load_file
from torch import Tensor, nn


def training_options(description: str | None, hours: float) -> argparse.ArgumentParser:
    """Return the options of every training program; `hours` is how long its schedule usually lasts."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, required=True, help="folder of the checkpoint and the log")
    p.add_argument("--hours", type=float, default=hours, help="length of the schedule in hours of training")
    p.add_argument("--init-from", type=Path, help="exported weights (safetensors) to start a new run from")
    p.add_argument("--lr", type=float, default=2e-3, help="AdamW's learning rate")
    p.add_argument("--muon-lr", type=float, default=0.02, help="Muon's learning rate; 0 leaves all to AdamW")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    return p


def set_up(threads: int, seed: int) -> None:
    """Fix seeds and the settings that make training on a processor fast."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    random.seed(seed)


def one_cycle(progress: float, warm_up: float = 0.03, floor: float = 0.01) -> float:
    """Return the share of the highest learning rate at a point (0..1) of the run: linear rise, cosine fall."""
    if progress < warm_up:
        return max(0.05, progress / warm_up)
    x = min(1.0, (progress - warm_up) / (1 - warm_up))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * x))


def load_weights(model: nn.Module, path: Path) -> None:
    """Start from weights as `export.py` writes them (half precision)."""
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()})


def normalise(images: np.ndarray, model: nn.Module) -> Tensor:
    """Turn pictures (N, H, W, 3) of 0..255 into a model's input, as docTR does: channels last in memory."""
    mean, std = (torch.tensor(model.cfg[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
    x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    return ((x / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def _work(
    queue: Any, make: Callable[[random.Random, int], list[Any]], seed: int, first: int, step: int
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    parent, index = os.getppid(), first
    while os.getppid() == parent:
        for batch in make(random.Random(f"{seed}-{index}"), index):
            queue.put(batch)
        index += step


def produce(
    make: Callable[[random.Random, int], list[Any]], seed: int, start: int, workers: int = 1, depth: int = 24
) -> Iterator[Any]:
    """Yield batches rendered in other processes.

    `make(rng, index)` returns the batches of one round; rounds are numbered from `start` on and seeded by their
    number, so that a resumed run goes on where it was with one worker.
    """
    ctx = mp.get_context("fork")
    queue = ctx.Queue(depth)
    for i in range(workers):
        ctx.Process(target=_work, args=(queue, make, seed, start + i, workers), daemon=True).start()
    while True:
        yield queue.get()
