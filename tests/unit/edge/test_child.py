"""A child's life: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from doctr_serve.edge import child as child_module
from doctr_serve.edge import die_with_parent
from doctr_serve.edge.child import Child
from support.waiting import eventually

SLEEPS = (sys.executable, "-c", "print('started', flush=True); import time; time.sleep(60)")
IGNORES_SIGTERM = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('started', flush=True); time.sleep(60)",
)


def started(command: tuple[str, ...], folder: Path) -> Child:
    """A child that says so."""
    output = folder / "output"
    with output.open("wb") as file:
        child = Child(command, output=file)
    eventually(lambda: output.read_text() == "started\n")
    return child


def test_a_child_that_stops_when_asked_ends_by_sigterm(tmp_path: Path) -> None:
    with started(SLEEPS, tmp_path) as child:
        assert child.poll() is None
        assert child.wait(0.1) is None
        assert child.stop() == -signal.SIGTERM
        assert child.poll() == -signal.SIGTERM
    assert child.stop() == -signal.SIGTERM, "a second time changes nothing"


def test_a_child_that_does_not_stop_is_killed_after_the_timeout(tmp_path: Path) -> None:
    with started(IGNORES_SIGTERM, tmp_path) as child:
        assert child.terminate(0.2) is False
        assert child.stop(0.2) == -signal.SIGKILL


def test_who_is_in_a_hurry_does_not_wait_for_the_timeout(tmp_path: Path) -> None:
    with started(IGNORES_SIGTERM, tmp_path) as child:
        before = time.monotonic()
        assert child.terminate(300, hurry=lambda: True) is False
        assert time.monotonic() - before < 60
        child.kill()
        assert child.poll() == -signal.SIGKILL


def test_a_child_has_the_environment_it_is_given_and_the_signals_of_a_fresh_process(tmp_path: Path) -> None:
    shows = (
        "import os, signal; print(os.environ['NAME'], os.environ.get('HOME'), os.getsid(0) == os.getpid())"
    )
    output = tmp_path / "output"
    with output.open("wb") as file:
        child = Child((sys.executable, "-c", shows), env={"NAME": "value"}, output=file)
    assert child.wait(30) == 0
    assert output.read_text() == "value None True\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_child_ignores_no_signals_that_this_process_does_not(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        child = Child(("grep", "SigIgn", "/proc/self/status"), output=file)
    assert child.wait(30) == 0
    plain = subprocess.run(
        ["grep", "SigIgn", "/proc/self/status"], capture_output=True, text=True, check=True
    )
    assert output.read_text() == plain.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no kernel does it")
def test_a_child_is_killed_when_its_parent_is(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    parent = (
        "import pathlib, sys, time\n"
        "from doctr_serve.edge.child import Child\n"
        f"child = Child({IGNORES_SIGTERM!r})\n"
        "pathlib.Path(sys.argv[1]).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent, str(pid_file)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    pid = int(pid_file.read_text())
    process.kill()
    process.wait()
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no kernel does it")
def test_a_child_whose_parent_died_before_it_could_ask_for_that_does_not_start() -> None:
    command = [*child_module._LAUNCHER, str(os.getppid()), "echo", "started"]  # this process is the parent
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no kernel does it")
def test_the_launcher_needs_nothing_but_the_standard_library() -> None:
    code = (
        f"import runpy, sys; runpy.run_path({die_with_parent.__file__!r}); "
        "print([name for name in sys.modules if name.startswith('doctr')])"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
