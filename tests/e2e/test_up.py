"""`doctr-serve up`, which `make run` is: the server and Envoy together, from the first line to Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from support.live_server import users_environment
from support.tools import ROOT, require_tools, run
from support.waiting import eventually

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
ORIGIN = "https://app.example.com"


class Running:
    """`doctr-serve up` on free ports, and what it has printed so far; one variable is misspelt."""

    def __init__(self, folder: Path) -> None:
        self.output, self.access_log = folder / "output", folder / "access.log"
        command = [sys.executable, "-m", "doctr_serve", "up", "--bundled", "--rest-address=127.0.0.1:0"]
        command += ["--port=0", f"--cors-origin={ORIGIN}", f"--access-log={self.access_log}"]
        env = users_environment(DOCTR_SERVE_MAX_PAGE="3")
        with self.output.open("w") as file:
            self.process = subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT)

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (found := re.search(pattern, self.output.read_text(), re.MULTILINE)):
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)
        return found

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def processes(self) -> list[psutil.Process]:
        """What runs below it: the server, its decoders, Envoy."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens: gRPC, then REST."""
        found = self.wait_for(r"^gRPC at (\S+):(\d+); .* at (\S+):(\d+)\.")
        return [(found[1], int(found[2])), (found[3], int(found[4]))]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(STOP_TIMEOUT_S)


def is_open(address: tuple[str, int]) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(address) == 0


def test_the_printed_line_reads_the_sample_and_ctrl_c_stops_both(running: Running, tmp_path: Path) -> None:
    require_tools("curl")
    line = running.wait_for(r"^ +(curl .*/ocr)$")[1]
    addresses = running.addresses()
    headers = tmp_path / "headers"
    curl = ["curl", "--silent", "--fail", "--dump-header", str(headers), "--header", f"Origin: {ORIGIN}"]
    pages = json.loads(run(*curl, *shlex.split(line)[1:]).stdout)
    assert [(page["name"], page["page_number"]) for page in pages] == [("letter.pdf", 1), ("letter.pdf", 2)]
    assert all(page["models"]["detection_model"].startswith("bundled/") for page in pages)

    assert all(is_open(address) for address in addresses)
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(STOP_TIMEOUT_S) == 0
    assert not any(is_open(address) for address in addresses)
    assert f"access-control-allow-origin: {ORIGIN}" in headers.read_text()
    assert '"/ocr"' in running.access_log.read_text()
    assert running.output.read_text().count("DOCTR_SERVE_MAX_PAGE is no setting") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="finds the server's process in /proc")
def test_when_the_server_dies_while_it_starts_the_status_says_so(running: Running) -> None:
    while not (children := running.children()):
        time.sleep(0.1)
    os.kill(children[0], signal.SIGKILL)
    assert running.process.wait(STOP_TIMEOUT_S) == 1
    assert "the server ended with signal 9" in running.output.read_text()


def assert_gone(processes: list[psutil.Process]) -> None:
    """All of them end; one that has ended, but that nobody has waited for, is gone too."""
    assert len(processes) >= 2
    try:
        eventually(lambda: [name for process in processes if (name := running_name(process))] == [])
    finally:
        for process in processes:
            if running_name(process):
                process.kill()


def running_name(process: psutil.Process) -> str:
    """Its name while it runs, else nothing."""
    try:
        return "" if process.status() == psutil.STATUS_ZOMBIE else process.name()
    except psutil.NoSuchProcess:
        return ""


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_what_crashes_is_started_again_where_it_was(running: Running) -> None:
    grpc_address, (host, port) = running.addresses()
    models = f"http://{host}:{port}/models"
    server, envoy = running.children()

    os.kill(server, signal.SIGKILL)
    running.wait_for(
        "^doctr-serve: the server ended with signal 9; .* starting it again, 1 of at most 3 times"
    )
    eventually(lambda: httpx.get(models).status_code == 200, timeout_s=START_TIMEOUT_S)
    assert is_open(grpc_address)

    os.kill(envoy, signal.SIGSEGV)
    running.wait_for("^doctr-serve: Envoy ended with signal 11; .* starting it again, 1 of at most 3 times")
    eventually(lambda: is_open((host, port)) and httpx.get(models).status_code == 200)


def test_two_ctrl_c_in_a_row_leave_nothing_behind(running: Running) -> None:
    running.addresses()
    processes = running.processes()
    for _ in range(2):
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    assert running.process.wait(STOP_TIMEOUT_S) == 0
    assert_gone(processes)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no kernel does it")
def test_killed_it_leaves_nothing_behind(running: Running) -> None:
    running.addresses()
    processes = running.processes()
    running.process.kill()
    running.process.wait()
    assert_gone(processes)


def test_an_address_that_another_program_shares_is_refused_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "doctr_serve", "up", f"--rest-address={address}", "--port=0"]
        assert f"doctr-serve: {address} is taken" in run(*command, expect=[1]).stderr


def test_a_wrong_flag_is_refused_before_anything_starts() -> None:
    command = [sys.executable, "-m", "doctr_serve", "up", "--max-pages=0"]
    refused = run(*command, expect=[2])
    assert "max_pages: Input should be greater than or equal to 1" in refused.stderr
