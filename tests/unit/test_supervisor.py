"""`doctr-serve up` keeps its children together: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from doctr_serve.edge import supervisor

# Each child says that it runs, and as which process, once its signal handlers are in place.
STARTED = "import os, pathlib, sys; pathlib.Path(sys.argv[1], sys.argv[2]).write_text(str(os.getpid()))\n"
SLEEPS = STARTED + "import time; time.sleep(60)"
IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPS
FAILS = STARTED + "raise SystemExit(3)"
NOTES_ITS_END = (
    """
import pathlib, signal, sys
def end(*_):
    with pathlib.Path(sys.argv[1], "ends").open("a") as file:
        file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
"""
    + SLEEPS
)
SUPERVISE = """
import sys
from doctr_serve.edge.child import Child
from doctr_serve.edge.supervisor import ChildDiedError, StopRequested, Supervisor
try:
    with Supervisor(stop_timeout_s=float(sys.argv[1]), max_restarts=int(sys.argv[2])) as supervisor:
        for number, code in enumerate(sys.argv[4:]):
            command = [sys.executable, "-c", code, sys.argv[3], f"child-{number}"]
            supervisor.start(f"child-{number}", lambda command=command: Child(command))
        supervisor.wait()
except StopRequested:
    pass
except ChildDiedError as error:
    print(error, file=sys.stderr)
    sys.exit(error.status)
"""


class Supervised:
    """A supervisor in a process of its own, with the ids of its children."""

    def __init__(self, folder: Path, *children: str, stop_timeout_s: float, max_restarts: int) -> None:
        numbers = (str(stop_timeout_s), str(max_restarts))
        command = [sys.executable, "-c", SUPERVISE, *numbers, str(folder), *children]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        files = [folder / f"child-{number}" for number in range(len(children))]
        wait_for(lambda: all(file.exists() and file.read_text() for file in files))
        self._files = files
        self.children = self.current_children()

    def current_children(self) -> list[int]:
        """The ids of the children, also of those that were started again."""
        return [int(file.read_text() or "0") for file in self._files]

    def end(self, timeout_s: float = 20) -> tuple[int, str]:
        """Exit status and standard error."""
        _, stderr = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, stderr

    def living_children(self) -> list[int]:
        return [pid for pid in self.children if is_alive(pid)]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended, but that nobody has waited for, does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator:
    started: list[Supervised] = []

    def start(*children: str, stop_timeout_s: float = 20, max_restarts: int = 0) -> Supervised:
        supervised = Supervised(tmp_path, *children, stop_timeout_s=stop_timeout_s, max_restarts=max_restarts)
        started.append(supervised)
        return supervised

    yield start
    for supervised in started:
        for pid in (supervised.process.pid, *supervised.living_children()):
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        supervised.process.communicate()


def test_when_one_child_dies_the_other_is_stopped_and_the_status_is_the_dead_ones(supervise) -> None:
    supervised = supervise(SLEEPS, FAILS)
    status, stderr = supervised.end()
    assert status == 3
    assert "child-1 ended with status 3" in stderr
    assert supervised.living_children() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_children_in_the_order_of_their_start_and_the_status_is_0(
    supervise, tmp_path: Path, number: signal.Signals
) -> None:
    supervised = supervise(NOTES_ITS_END, NOTES_ITS_END)
    supervised.process.send_signal(number)
    assert supervised.end() == (0, "")
    assert (tmp_path / "ends").read_text().split() == ["child-0", "child-1"]
    assert supervised.living_children() == []


def test_a_child_that_ignores_sigterm_is_killed_after_the_timeout(supervise) -> None:
    supervised = supervise(IGNORES_SIGTERM, stop_timeout_s=0.5)
    supervised.process.send_signal(signal.SIGTERM)
    assert supervised.end() == (0, "doctr-serve: killing child-0\n")
    assert supervised.living_children() == []


def test_a_second_signal_kills_at_once(supervise) -> None:
    supervised = supervise(IGNORES_SIGTERM, stop_timeout_s=300)
    supervised.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert supervised.living_children(), "one signal gives it time"
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.end() == (0, "doctr-serve: killing child-0\n")
    assert supervised.living_children() == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no kernel does it")
def test_a_supervisor_that_is_killed_leaves_no_children_behind(supervise) -> None:
    supervised = supervise(SLEEPS, IGNORES_SIGTERM)
    supervised.process.kill()
    supervised.process.wait()
    wait_for(lambda: supervised.living_children() == [])


def test_a_child_that_is_killed_is_started_again_and_the_other_goes_on(supervise) -> None:
    supervised = supervise(SLEEPS, SLEEPS, max_restarts=3)
    killed, other = supervised.children
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: supervised.current_children()[0] not in (0, killed))
    assert supervised.current_children()[1] == other
    supervised.children = supervised.current_children()
    assert supervised.living_children() == supervised.children

    supervised.process.send_signal(signal.SIGTERM)
    status, stderr = supervised.end()
    assert status == 0
    assert stderr == (
        "doctr-serve: child-0 ended with signal 9; where nobody killed it, the kernel did because memory ran out; "
        "starting it again, 1 of at most 3 times in 10 minutes\n"
    )
    assert supervised.living_children() == []


def test_a_child_that_crashes_again_and_again_ends_all_with_its_status(supervise) -> None:
    supervised = supervise(SLEEPS, FAILS, max_restarts=2)
    status, stderr = supervised.end()
    assert status == 3
    lines = stderr.replace("; its last lines above say why", "").splitlines()
    assert [line for line in lines if line.startswith("doctr-serve") or "child-1 ended" in line] == [
        "doctr-serve: child-1 ended with status 3; starting it again, 1 of at most 2 times in 10 minutes",
        "doctr-serve: child-1 ended with status 3; starting it again, 2 of at most 2 times in 10 minutes",
        "child-1 ended with status 3",
    ]
    assert supervised.living_children() == []


def test_crashes_of_long_ago_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    hour = iter(range(0, 3600 * 100, 3600))
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: float(next(hour)))
    watched = supervisor.Supervisor(stop_timeout_s=1, max_restarts=1)
    crashed = [Crashed() for _ in range(5)]
    watched.start("child", lambda: crashed.pop())
    for _ in range(4):
        ((died, task),) = watched._check()
        watched._restart(died, task)
    assert crashed == []


def test_a_child_that_ends_by_itself_is_not_started_again(supervise) -> None:
    status, stderr = supervise(SLEEPS, STARTED, max_restarts=3).end()
    assert status == 1
    assert stderr == "child-1 ended with status 0; its last lines above say why\n"


class Crashed:
    """A child that has crashed."""

    def poll(self) -> int:
        return 1

    def close(self) -> None:
        pass
