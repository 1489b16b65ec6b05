"""A training run goes on from its checkpoint, saves by the clock, and validates after saves unless it is stopped."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

torch = pytest.importorskip("torch")

TRAINING = Path(__file__).parents[3] / "training"
HOURS = 0.5
STEP_S = 100.0


class Time:
    """A clock that moves when told."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def timed_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """``training/timed_run.py`` with a clock of its own; the signal handlers of its runs go with the test."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.syspath_prepend(str(TRAINING))
    module = importlib.import_module("timed_run")
    monkeypatch.setattr(module, "time", Time())
    yield module
    del sys.modules["timed_run"]
    for number, handler in handlers.items():
        signal.signal(number, handler)


def start(timed_run: ModuleType, folder: Path) -> Any:
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    return timed_run.TimedRun(folder, HOURS, model, [torch.optim.AdamW(model.parameters())], decay=0.9)


def train(timed_run: ModuleType, run: Any, *, steps: int = 1000, every: int = 1) -> list[int]:
    """Trains to the end, or asks the process to stop before the last of some steps; returns the steps that saved."""
    saved = []
    for number, _ in enumerate(run.steps(), 1):
        if number == steps:
            os.kill(os.getpid(), signal.SIGTERM)
        run.learn(run.model(torch.ones(4, 2)).square().mean())
        timed_run.time.now += STEP_S
        run.count(4)
        if run.save_when_due(lambda: {"score": 0.5}, every):
            saved.append(run.done["steps"])
    return saved


def validated(folder: Path) -> list[int]:
    return [json.loads(line)["steps"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_run_saves_by_the_clock_and_at_the_end_of_its_hours(timed_run: ModuleType, tmp_path: Path) -> None:
    assert train(timed_run, start(timed_run, tmp_path)) == [3, 6, 9, 12, 15, 18]
    assert validated(tmp_path) == [3, 6, 9, 12, 15, 18]


def test_validation_after_every_other_save_and_after_the_last(timed_run: ModuleType, tmp_path: Path) -> None:
    assert train(timed_run, start(timed_run, tmp_path), every=4) == [3, 6, 9, 12, 15, 18]
    assert validated(tmp_path) == [12, 18]


def test_a_run_that_is_asked_to_stop_saves_at_once_and_validates_no_more(
    timed_run: ModuleType, tmp_path: Path
) -> None:
    assert train(timed_run, start(timed_run, tmp_path), steps=5) == [3, 5]
    assert validated(tmp_path) == [3]


def test_a_run_goes_on_from_its_checkpoint_as_if_it_had_not_been_stopped(
    timed_run: ModuleType, tmp_path: Path
) -> None:
    whole = start(timed_run, tmp_path / "whole")
    train(timed_run, whole)
    train(timed_run, start(timed_run, tmp_path / "parts"), steps=5)
    resumed = start(timed_run, tmp_path / "parts")
    assert resumed.done == {"words": 20, "steps": 5, "seconds": 5 * STEP_S}
    train(timed_run, resumed)
    assert resumed.done == whole.done == {"words": 72, "steps": 18, "seconds": HOURS * 3600}
    torch.testing.assert_close(resumed.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(resumed.average.state, whole.average.state, rtol=0, atol=0)


def test_the_checkpoint_has_the_parts_that_export_and_resume_read(
    timed_run: ModuleType, tmp_path: Path
) -> None:
    train(timed_run, start(timed_run, tmp_path), steps=1)
    checkpoint = timed_run.load_checkpoint(tmp_path / "checkpoint.pt")
    assert set(checkpoint) == {"model", "optimizers", "average", "average_steps", "done"}


def test_a_line_of_the_log_has_the_means_since_the_last_one(timed_run: ModuleType, tmp_path: Path) -> None:
    run = start(timed_run, tmp_path)
    written = []
    for step in range(1, 5):
        run.note(loss=float(step))
        if step == 4:
            run.note(dice=0.5)
        run.count(4)
        written.append(run.log_when_due(2, lr=0.1 * step))
    seconds = run.done["seconds"]
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows == [
        {"words": 8, "steps": 2, "seconds": seconds, "loss": 1.5, "lr": 0.2},
        {"words": 16, "steps": 4, "seconds": seconds, "loss": 3.5, "dice": 0.5, "lr": 0.4},
    ]
    assert [bool(row) for row in written] == [False, True, False, True]
    assert written[3]["loss"] == 3.5


def test_the_loss_of_each_step_is_noted(timed_run: ModuleType, tmp_path: Path) -> None:
    run = start(timed_run, tmp_path)
    loss = run.model(torch.ones(4, 2)).square().mean()
    run.learn(loss)
    run.count(4)
    assert run.log_when_due(1)["loss"] == pytest.approx(loss.item())


def test_a_run_counts_in_its_own_unit(timed_run: ModuleType, tmp_path: Path) -> None:
    for crops in (6, 12):
        torch.manual_seed(0)
        model = torch.nn.Linear(2, 1)
        optimizers = [torch.optim.AdamW(model.parameters())]
        run = timed_run.TimedRun(tmp_path, HOURS, model, optimizers, decay=0.9, unit="crops")
        run.count(6)
        run.save()
        assert run.done == {"crops": crops, "steps": crops // 6, "seconds": 0.0}


def test_the_averaged_model_is_a_copy_for_inference(timed_run: ModuleType, tmp_path: Path) -> None:
    run = start(timed_run, tmp_path)
    run.learn(run.model(torch.ones(4, 2)).square().mean())
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    averaged = run.averaged()
    assert not averaged.training
    assert run.model.training
    torch.testing.assert_close(averaged.state_dict(), run.average.state, rtol=0, atol=0)
    torch.testing.assert_close(run.model.state_dict(), before, rtol=0, atol=0)
    assert not torch.equal(averaged.weight, run.model.weight)
