"""`doctr-serve up` keeps its children together: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

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
import os, sys
from doctr_serve.edge.supervisor import ChildDiedError, StopRequested, Supervisor
try:
    with Supervisor(stop_timeout_s=float(sys.argv[1])) as supervisor:
        for number, code in enumerate(sys.argv[3:]):
            command = [sys.executable, "-c", code, sys.argv[2], f"child-{number}"]
            supervisor.start(f"child-{number}", command, os.environ)
        supervisor.wait()
except StopRequested:
    pass
except ChildDiedError as error:
    print(error, file=sys.stderr)
    sys.exit(error.status)
"""


class Supervised:
    """A supervisor in a process of its own, with the ids of its children."""

    def __init__(self, folder: Path, *children: str, stop_timeout_s: float) -> None:
        command = [sys.executable, "-c", SUPERVISE, str(stop_timeout_s), str(folder), *children]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        files = [folder / f"child-{number}" for number in range(len(children))]
        wait_for(lambda: all(file.exists() and file.read_text() for file in files))
        self.children = [int(file.read_text()) for file in files]

    def end(self, timeout_s: float = 20) -> tuple[int, str]:
        """Exit status and standard error."""
        _, stderr = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, stderr

    def living_children(self) -> list[int]:
        return [pid for pid in self.children if is_alive(pid)]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator:
    started: list[Supervised] = []

    def start(*children: str, stop_timeout_s: float = 20) -> Supervised:
        supervised = Supervised(tmp_path, *children, stop_timeout_s=stop_timeout_s)
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
