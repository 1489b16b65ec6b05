from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from doctr_serve.catalog import CatalogEntry, ModelTask, WeightsSource
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import DeadlineExceeded, RequestCancelled, WeightsUnavailableError
from doctr_serve.inference.store import ModelStore
from support.watched_interrupt import WatchedInterrupt


def entry(name: str, task: ModelTask = ModelTask.RECOGNITION) -> CatalogEntry:
    return CatalogEntry(name, task, name, WeightsSource.DOCTR)


A, B, C, D = (entry(name) for name in "abcd")


class Loader:
    """Stands for the loading of weights; counts."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.failures: list[BaseException] = []

    def __call__(self, loaded: CatalogEntry):  # type: ignore[no-untyped-def]
        self.loads.append(loaded.name)
        if self.failures:
            raise self.failures.pop()
        return SimpleNamespace(name=loaded.name)


def test_a_model_is_loaded_once() -> None:
    load = Loader()
    store = ModelStore(load, capacity=2)
    assert store.get(A, Interrupt()) is store.get(A, Interrupt())
    assert load.loads == ["a"]
    assert store.is_loaded(A)
    assert not store.is_loaded(B)


def test_those_who_ask_during_a_load_wait_for_that_one() -> None:
    loading, finish, loads = threading.Event(), threading.Event(), []

    def load(loaded: CatalogEntry):  # type: ignore[no-untyped-def]
        loads.append(loaded.name)
        loading.set()
        assert finish.wait(30)
        return SimpleNamespace()

    store = ModelStore(load, capacity=2)
    with ThreadPoolExecutor(4) as callers:
        models = [callers.submit(store.get, A, Interrupt()) for _ in range(4)]
        assert loading.wait(10)
        assert not store.is_loaded(A)
        finish.set()
        first, *others = (model.result(10) for model in models)
    assert all(other is first for other in others)
    assert loads == ["a"]


def test_the_least_recently_used_model_leaves() -> None:
    load = Loader()
    store = ModelStore(load, capacity=2)
    store.get(A, Interrupt())
    store.get(B, Interrupt())
    store.get(A, Interrupt())
    store.get(C, Interrupt())
    assert [store.is_loaded(model) for model in (A, B, C)] == [True, False, True]


def test_a_pinned_model_never_leaves_and_takes_no_place() -> None:
    load = Loader()
    store = ModelStore(load, capacity=1)
    store.get(A, Interrupt(), pin=True)
    for model in (B, C, D):
        store.get(model, Interrupt())
    assert [store.is_loaded(model) for model in (A, B, C, D)] == [True, False, False, True]


def test_a_pinned_model_that_cannot_be_loaded_leaves_the_others_their_places() -> None:
    load = Loader()
    load.failures = [WeightsUnavailableError("not here")]
    store = ModelStore(load, capacity=1)
    with pytest.raises(WeightsUnavailableError):
        store.get(A, Interrupt(), pin=True)
    for model in (B, C):
        store.get(model, Interrupt())
    assert [store.is_loaded(model) for model in (B, C)] == [False, True]


def test_an_evicted_model_still_serves_who_holds_it() -> None:
    store = ModelStore(Loader(), capacity=1)
    held = store.get(A, Interrupt())
    store.get(B, Interrupt())
    assert held.name == "a"
    assert store.get(A, Interrupt()) is not held


def test_a_failed_load_is_told_to_all_who_wait_and_tried_again_by_the_next() -> None:
    load = Loader()
    load.failures = [WeightsUnavailableError("a disk error")]
    store = ModelStore(load, capacity=2)
    with pytest.raises(WeightsUnavailableError, match="a disk error"):
        store.get(A, Interrupt())
    assert not store.is_loaded(A)
    assert store.get(A, Interrupt()).name == "a"
    assert load.loads == ["a", "a"]


@pytest.mark.parametrize("expires", [False, True], ids=["cancelled", "expired"])
def test_who_waits_for_a_load_leaves_when_it_is_stopped_and_the_load_goes_on(expires: bool) -> None:
    finish, loads = threading.Event(), []

    def load(loaded: CatalogEntry):  # type: ignore[no-untyped-def]
        loads.append(loaded.name)
        assert finish.wait(30)
        return SimpleNamespace()

    store, interrupt = ModelStore(load, capacity=2), WatchedInterrupt(0.2 if expires else None)
    with ThreadPoolExecutor(1) as callers:
        leaving = callers.submit(store.get, A, interrupt)
        assert interrupt.waiting.wait(10)
        if not expires:
            interrupt.cancel()
        with pytest.raises(DeadlineExceeded if expires else RequestCancelled):
            leaving.result(10)
    finish.set()
    assert store.get(A, Interrupt(30))
    assert loads == ["a"]
