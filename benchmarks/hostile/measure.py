"""One attack against one server: alone for its cost, then again beside normal callers for theirs."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.harness import running_envoy, running_server
from benchmarks.hostile.attack import Attack, BarMissedError, Run, SkippedError, Target
from benchmarks.hostile.neighbour import Answer, Neighbour
from benchmarks.hostile.usage import Usage, is_alive, seconds_until_idle, watched

__all__ = ["Result", "Scene", "measure", "scene"]

MEMORY_BAR_MIB = 400
BESIDE_BAR = 3.0
HEALTH_BAR_S = 1.0
"""What a probe of an orchestrator waits by default."""
CALLS_ALONE = 3
CALLS_BESIDE = 3
IDLE_LIMIT_S = 15.0
PAUSE_S = 0.1
"""Between an attack and the next one beside a normal caller: without it this program's own work would be measured."""


@dataclass
class Result:
    """What an attack cost.

    Attributes:
        name: the attack's.
        outcome: what it was answered.
        peak_mib: memory over idle at most; ``kept_mib`` is what was left once the server was idle again.
        seconds: until it was answered or gave up; ``busy_s``: how long the server worked on after that.
        alone_s: a normal call's time without it; ``beside_s``: the slowest beside it; ``health_s``: the slowest
            health check beside it.
        threads: of the server, at most.
        alive: whether the server answers a normal call afterwards.
        problems: calls beside it that failed, and what else was wrong.
        missed: the bars that were missed.
    """

    name: str
    outcome: str = ""
    peak_mib: float = 0.0
    kept_mib: float = 0.0
    seconds: float = 0.0
    busy_s: float = 0.0
    alone_s: float = 0.0
    beside_s: float = 0.0
    health_s: float = 0.0
    threads: int = 0
    alive: bool = True
    problems: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    skipped: bool = False

    @property
    def ratio(self) -> float:
        """The slowest normal call beside the attack, in times of one alone."""
        return self.beside_s / self.alone_s if self.alone_s else 0.0


@dataclass
class Scene:
    """A server with an Envoy before it and normal callers beside it.

    Attributes:
        process: the server's.
        target: what is attacked.
        page: calls with a page; ``health`` with a health check.
    """

    process: psutil.Process
    target: Target
    page: Neighbour
    health: Neighbour

    @property
    def is_sound(self) -> bool:
        """Whether the server answers a normal call."""
        return is_alive(self.process) and not self.page.call().problem


@contextmanager
def scene(*, threads: int, cases: Path | None) -> Iterator[Scene]:
    """Starts a fresh server and everything around it."""
    with running_server(threads) as server, ExitStack() as stack:
        rest = stack.enter_context(running_envoy(server))
        page, health = (stack.enter_context(Neighbour(server.address, kind)) for kind in ("page", "health"))
        for caller in (page, health):
            caller.call()
        yield Scene(server.process, Target(server.address, rest, cases), page, health)


def measure(attack: Attack, on: Scene, *, cap_mib: int, niceness: int) -> Result:
    """Runs an attack twice: alone, then beside normal callers."""
    result = Result(attack.name)
    try:
        run = _at_niceness(niceness, attack.prepare(on.target))
    except SkippedError as reason:
        result.outcome, result.skipped = f"skipped: {reason}", True
        return result
    result.alone_s = statistics.median(on.page.call().seconds for _ in range(CALLS_ALONE))
    _alone(attack, run, on.process, cap_mib, result)
    if is_alive(on.process):
        _beside(attack, run, on, cap_mib, result)
    result.alive = on.is_sound
    _judge(attack, result)
    return result


def _at_niceness(niceness: int, run: Run) -> Run:
    """Returns the run in a thread of that niceness, which the threads that it starts inherit, gRPC's too."""

    def run_nicely(limit_s: float) -> str:
        with ThreadPoolExecutor(1, initializer=_be_nice, initargs=(niceness,)) as thread:
            return thread.submit(run, limit_s).result()

    return run_nicely


def _be_nice(niceness: int) -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def _alone(attack: Attack, run: Run, server: psutil.Process, cap_mib: int, result: Result) -> None:
    with watched(server, cap_mib) as usage:
        before = usage.now_mib()
        started = time.perf_counter()
        result.outcome = _attacked(run, attack.limit_s, result)
        result.seconds = time.perf_counter() - started
        result.busy_s = seconds_until_idle(server, IDLE_LIMIT_S)
        result.kept_mib = usage.now_mib() - before
    result.peak_mib, result.threads = usage.peak_mib, usage.threads
    _note_death(server, usage, cap_mib, result)


def _beside(attack: Attack, run: Run, on: Scene, cap_mib: int, result: Result) -> None:
    """Attacks again and again until the normal calls are made; the slowest of them counts."""
    enough = threading.Event()

    def attack_on() -> None:
        while not enough.is_set() and is_alive(on.process):
            _attacked(run, attack.beside_s, result)
            enough.wait(PAUSE_S)

    with watched(on.process, cap_mib) as usage:
        attacker = threading.Thread(target=attack_on)
        prober = threading.Thread(target=lambda: _probe(on.health, enough, result))
        attacker.start()
        time.sleep(min(1.0, result.seconds / 2))  # it is under way
        prober.start()
        give_up_at = time.monotonic() + 2 * attack.beside_s
        answers: list[Answer] = []
        while len(answers) < CALLS_BESIDE and time.monotonic() < give_up_at:
            answers.append(on.page.call())
            if answers[-1].seconds > BESIDE_BAR * result.alone_s:
                break  # worse would only take longer
        enough.set()
        attacker.join()
        prober.join()
    result.beside_s = max(answer.seconds for answer in answers)
    result.problems += sorted({f"page: {answer.problem}" for answer in answers if answer.problem})
    result.threads = max(result.threads, usage.threads)
    seconds_until_idle(on.process, IDLE_LIMIT_S)
    _note_death(on.process, usage, cap_mib, result)


def _probe(health: Neighbour, enough: threading.Event, result: Result) -> None:
    while True:
        answer = health.call()
        result.health_s = max(result.health_s, answer.seconds)
        if answer.problem:
            result.problems.append(f"health: {answer.problem}")
        if enough.wait(0.1) or answer.problem:
            return


def _attacked(run: Run, limit_s: float, result: Result) -> str:
    try:
        return run(limit_s)
    except BarMissedError as error:
        if str(error) not in result.missed:
            result.missed.append(str(error))
        return "see what was missed"
    except Exception as error:  # the attacker's own: a connection that the server ended
        return f"{type(error).__name__}: {error}"[:120]


def _note_death(server: psutil.Process, usage: Usage, cap_mib: int, result: Result) -> None:
    if usage.was_killed:
        result.problems.append(f"the server was ended by this program at {cap_mib} MiB over idle")
    elif not is_alive(server):
        result.problems.append("the server died")


def _judge(attack: Attack, result: Result) -> None:
    if not result.alive:
        result.missed.append("alive")
    if result.peak_mib > MEMORY_BAR_MIB * attack.requests:
        result.missed.append("memory")
    if "INTERNAL" in result.outcome:
        result.missed.append("no INTERNAL")
    if attack.beside == "health":
        if result.health_s > HEALTH_BAR_S or any(p.startswith("health") for p in result.problems):
            result.missed.append("health beside")
    elif result.ratio > BESIDE_BAR or any(p.startswith("page") for p in result.problems):
        result.missed.append("page beside")
