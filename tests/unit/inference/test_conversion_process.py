"""Models are converted in a process of its own, which never outlives the server and never holds it up for good."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import openvino
import psutil
import pytest
from doctr_serve.catalog import Catalog, CatalogEntry
from doctr_serve.inference.runtimes.conversion_process import ConversionError, ConversionProcess
from doctr_serve.settings import Settings
from support.waiting import eventually
from support.weights import random_weights_dir

ARCHITECTURE = "crnn_mobilenet_v3_small"


def entry(settings: Settings) -> CatalogEntry:
    return Catalog(settings).find_by_name(ARCHITECTURE)


def program(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", textwrap.dedent(code))


def test_a_model_is_converted_with_the_weights_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(weights_dir=random_weights_dir(tmp_path, [ARCHITECTURE]))
    ConversionProcess(settings).convert(entry(settings), tmp_path / "model.xml")
    (images,) = openvino.Core().read_model(tmp_path / "model.xml").inputs
    assert images.get_partial_shape()[0].is_dynamic
    assert [side.get_length() for side in list(images.get_partial_shape())[1:]] == [3, 32, 128]


def test_the_error_says_what_the_process_said_last(tmp_path: Path) -> None:
    settings = Settings(weights_dir=tmp_path)
    with pytest.raises(ConversionError, match=f"WeightsUnavailableError.*{ARCHITECTURE}"):
        ConversionProcess(settings).convert(entry(settings), tmp_path / "model.xml")


def test_a_process_that_dies_at_once_is_an_error_too(tmp_path: Path) -> None:
    settings = Settings()
    dying = ConversionProcess(settings, command=program("import os; os._exit(3)"))
    with pytest.raises(ConversionError, match="status 3"):
        dying.convert(entry(settings), tmp_path / "model.xml")


def test_a_process_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    settings, started = Settings(), tmp_path / "started"
    code = f"import os, time, pathlib; pathlib.Path({str(started)!r}).write_text(str(os.getpid())); time.sleep(600)"
    slow = ConversionProcess(settings, timeout_s=5, command=program(code))
    with pytest.raises(ConversionError, match="timed out"):
        slow.convert(entry(settings), tmp_path / "model.xml")
    assert not psutil.pid_exists(int(started.read_text()))


def test_it_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    """The parent here gives the converter its job and is killed at once, long before the job can be done."""
    job = {"settings": {}, "model": f"bundled/{ARCHITECTURE}", "to": str(tmp_path / "model.xml")}
    parent = subprocess.Popen(
        program(f"""
            import subprocess, sys
            from doctr_serve.inference.runtimes.conversion_process import COMMAND
            child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, text=True)
            child.stdin.write({json.dumps(job)!r} + chr(10))
            child.stdin.flush()
            print(child.pid, flush=True)
            child.wait()
        """),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    eventually(lambda: has_ended(child), timeout_s=60, what="its end")
    assert not (tmp_path / "model.xml").exists()


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
