"""Who may have a team of OpenMP threads: the scheduler's threads, and nobody else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from doctr_serve.catalog import Catalog
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.inference.scheduler import ForwardScheduler
from doctr_serve.settings import Settings


def in_a_new_thread() -> int:
    """The team that a thread gets which comes to torch now."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(torch.get_num_threads).result()


def test_a_forward_thread_has_its_team_and_threads_that_come_later_have_none() -> None:
    runtime = TorchRuntime(Catalog(Settings()), intra_op_threads=3)
    here = torch.get_num_threads()
    with ThreadPoolExecutor(1, initializer=runtime.enter_thread) as forward:
        assert forward.submit(torch.get_num_threads).result() == 3
        assert in_a_new_thread() == 1
        assert forward.submit(torch.get_num_threads).result() == 3
    assert torch.get_num_threads() == here


def test_a_runtime_without_a_number_leaves_torchs_own() -> None:
    before = in_a_new_thread()
    runtime = TorchRuntime(Catalog(Settings()))
    with ThreadPoolExecutor(1, initializer=runtime.enter_thread) as forward:
        assert forward.submit(torch.get_num_threads).result() == before


class EnteredRuntime:
    """Writes down which threads entered it."""

    max_forward_pixels = None
    shared_forward_pixels = 0

    def __init__(self) -> None:
        self.entered: list[str] = []

    def load(self, entry: object) -> object:
        raise NotImplementedError

    def enter_thread(self) -> None:
        self.entered.append(threading.current_thread().name)

    def run(self, handle: object, batch: np.ndarray) -> np.ndarray:
        assert threading.current_thread().name in self.entered
        return batch


def test_every_forward_thread_has_entered_its_runtime_before_there_is_a_request() -> None:
    runtime = EnteredRuntime()
    scheduler = ForwardScheduler(runtime, concurrent_forwards=3)
    assert len(set(runtime.entered)) == len(runtime.entered) == 3
    scheduler.run(None, np.zeros((1, 3, 8, 8), np.float32), Interrupt())
    scheduler.close()
    assert len(runtime.entered) == 3
