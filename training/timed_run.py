"""A training run by the clock: schedule, averaged weights, checkpoints, log."""

from __future__ import annotations

import copy
import json
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["TimedRun", "load_checkpoint"]

SAVE_EVERY_S = 240
"""How often a run saves: one that is killed loses about this much work."""


class Average:
    """Exponential moving average of all weights and statistics of a model."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the current weights; the first steps count more."""
        self.steps += 1
        weight = 1 - min(self.decay, self.steps / (self.steps + 10))
        current = model.state_dict()
        floats = [k for k, v in current.items() if v.is_floating_point()]
        torch._foreach_lerp_([self.state[k] for k in floats], [current[k] for k in floats], weight)


class Journal:
    """A log of JSON lines, one an event, also printed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a", buffering=1)

    def write(self, **values: Any) -> None:
        """Append one event."""
        row = {k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()}
        self.file.write(json.dumps(row, ensure_ascii=False) + "\n")


class Stop:
    """Becomes true once the process is asked to end, so that a run can save before it goes."""

    def __init__(self) -> None:
        self.asked = False
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, self._ask)

    def _ask(self, *_: Any) -> None:
        self.asked = True

    def __bool__(self) -> bool:
        return self.asked


def save_checkpoint(path: Path, **parts: Any) -> None:
    """Write a checkpoint so that an interruption leaves the former one intact."""
    part = path.with_suffix(".part")
    torch.save(parts, part)
    part.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return the checkpoint, or None if there is none yet."""
    return torch.load(path, weights_only=True) if path.exists() else None


class Clock:
    """Seconds of training over all runs so far; drives schedules that are set in hours."""

    def __init__(self, spent: float, hours: float) -> None:
        self.spent, self.total, self.begin = spent, hours * 3600, time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds trained so far."""
        return self.spent + time.monotonic() - self.begin

    @property
    def progress(self) -> float:
        """Share of the planned time that is over."""
        return min(1.0, self.seconds / self.total)


class TimedRun:
    """A training run that follows the clock: its schedule, its checkpoints and when it is validated.

    It takes up the checkpoint in its folder, if there is one. `hours` is the length of the schedule, `decay` that
    of the averaged weights; `done` counts words (or whatever else is the `unit`), steps and seconds.
    """

    def __init__(
        self,
        folder: Path,
        hours: float,
        model: nn.Module,
        optimizers: list[Any],
        *,
        decay: float,
        unit: str = "words",
    ) -> None:
        self.model, self.optimizers, self.average = model, optimizers, Average(model, decay)
        self.unit, self.done = unit, {unit: 0, "steps": 0, "seconds": 0.0}
        self.file = folder / "checkpoint.pt"
        if state := load_checkpoint(self.file):
            model.load_state_dict(state["model"])
            for optimizer, saved in zip(optimizers, state["optimizers"]):
                optimizer.load_state_dict(saved)
            self.average.state, self.average.steps = state["average"], state["average_steps"]
            self.done = state["done"]
        self.journal, self.stop = Journal(folder / "log.jsonl"), Stop()
        self.noted: dict[str, list[float]] = defaultdict(list)
        self.clock = Clock(self.done["seconds"], hours)
        self.saved, self.saves = time.monotonic(), 0

    def steps(self) -> Iterator[None]:
        """Yield before every step, until the hours are used up or the process is asked to stop."""
        self.saved = time.monotonic()
        while self.clock.progress < 1 and not self.stop:
            yield

    def set_rates(self, peaks: Iterable[float], share: float) -> None:
        """Set the optimizers' learning rates to a share of the highest ones."""
        for optimizer, peak in zip(self.optimizers, peaks):
            for group in optimizer.param_groups:
                group["lr"] = peak * share

    def learn(self, loss: Tensor) -> None:
        """Take one step down a loss, update the averaged weights, and note the loss."""
        self.model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.average.update(self.model)
        self.note(loss=loss.item())

    def note(self, **values: float) -> None:
        """Keep values of one step for the next line of the log, which has their means."""
        for name, value in values.items():
            self.noted[name].append(value)

    def count(self, amount: int) -> None:
        """Count one step over this many words or other units."""
        self.done[self.unit] += amount
        self.done["steps"] += 1
        self.done["seconds"] = self.clock.seconds

    def log_when_due(self, every: int, **values: float) -> dict[str, float]:
        """After every `every` steps, write the counts, the means of what was noted, and `values` to the log.

        Returns what was written, which is nothing where it was not time to.
        """
        if self.done["steps"] % every:
            return {}
        row = {**self.done, **{name: fmean(noted) for name, noted in self.noted.items()}, **values}
        self.noted.clear()
        self.journal.write(**row)
        return row

    def averaged(self) -> nn.Module:
        """Return a copy of the model with the averaged weights, ready for inference."""
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.average.state)
        return model.eval()

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(
            self.file,
            model=self.model.state_dict(),
            optimizers=[optimizer.state_dict() for optimizer in self.optimizers],
            average=self.average.state,
            average_steps=self.average.steps,
            done=self.done,
        )

    def save_when_due(self, validate: Callable[[], dict[str, float]], every: int = 1) -> bool:
        """Save every `SAVE_EVERY_S` seconds and at the end; return whether it was time to.

        After `every` saves and after the last, the scores that `validate` returns go to the log; not so when the
        process is asked to stop, since it may be killed soon after.
        """
        if not (time.monotonic() - self.saved > SAVE_EVERY_S or self.clock.progress >= 1 or self.stop):
            return False
        self.save()
        self.saves = 0 if self.stop else self.saves + 1
        if self.saves and (self.saves % every == 0 or self.clock.progress >= 1):
            self.journal.write(**self.done, **validate())
        self.saved = time.monotonic()
        return True
