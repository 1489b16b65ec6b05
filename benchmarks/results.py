"""What a benchmark hands over: one JSON object, printed and written where it is asked for, with the machine in it."""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from doctr_serve.settings import available_cores

from benchmarks.evaluation.readers import tesseract_version

__all__ = ["add_json_option", "hand_over", "machine"]

PACKAGES = ("python-doctr", "torch", "openvino", "onnxruntime", "onnxtr", "rapidocr")
"""Of those that are installed, the version is told."""


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Adds ``--json FILE``."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON object there, too")


def hand_over(benchmark: str, arguments: argparse.Namespace, result: dict[str, Any]) -> None:
    """Prints the result as one line of JSON, and writes it to ``arguments.json`` where that is given.

    Args:
        benchmark: the program's name.
        arguments: its own; they stand in the object, too.
        result: what it measured.
    """
    options = {name: value for name, value in vars(arguments).items() if name not in ("json", "real_dir")}
    found = {"benchmark": benchmark, "machine": machine(), "arguments": options, **result}
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found), flush=True)


def machine() -> dict[str, Any]:
    """Returns what a speed depends on: the processor, the cores of this process, and the versions of packages."""
    return {
        "processor": _processor(),
        "cores": available_cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))} | _tesseract(),
    }


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _tesseract() -> dict[str, str]:
    found = tesseract_version()
    return {"Tesseract": found} if found else {}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
