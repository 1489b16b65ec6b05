"""The plain install, without the extra ``[server]``: the client and ``doctr-serve ocr`` need nothing else."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
CHILD = """
import json, runpy, sys

class OnlyThePlainInstall:
    missing = frozenset(json.loads(sys.argv[1]))

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.missing:
            return None
        return self.finder.find_spec(name, path, target)

    def find_distributions(self, context):
        return getattr(self.finder, "find_distributions", lambda context: ())(context)

sys.meta_path[:] = [OnlyThePlainInstall(finder) for finder in sys.meta_path]
sys.argv = ["doctr-serve", *sys.argv[2:]]
import doctr_serve_client
runpy.run_module("doctr_serve", run_name="__main__")
"""


def plain_distributions() -> set[str]:
    """What pip installs for ``doctr-serve`` without extras, by pyproject.toml and the packages' own metadata."""
    found: set[str] = set()
    wanted = [Requirement(text) for text in tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        wanted += [Requirement(text) for text in importlib.metadata.requires(name) or ()]
    return found


def modules_of_other_distributions() -> list[str]:
    plain = plain_distributions() | {"doctr-serve"}
    return [
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if not plain.intersection(canonicalize_name(name) for name in distributions)
    ]


def run_plain(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(modules_of_other_distributions()), *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_servers_packages_are_no_part_of_the_plain_install():
    assert {"torch", "doctr", "numpy", "PIL", "structlog"} <= set(modules_of_other_distributions())


@pytest.mark.parametrize("arguments", [["--help"], ["ocr", "--help"], ["limits", "--help"]])
def test_the_command_line_explains_itself(arguments):
    result = run_plain(*arguments)

    assert result.returncode == 0, result.stderr
    assert "Usage" in result.stdout


def test_ocr_reads_a_document(server, letter):
    result = run_plain("ocr", str(letter), "--server", server.address, "--format", "json")

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["name"] == "letter.pdf"


def test_limits_asks_a_server(server):
    result = run_plain("limits", "--server", server.address, "--json")

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["limits"]["max_documents"] == 64


@pytest.mark.parametrize("command", [["serve"], ["up"], ["envoy"], ["models", "--details"]])
def test_a_command_that_needs_the_server_says_what_to_install(command):
    result = run_plain(*command)

    assert result.returncode == 2
    assert 'pip install "doctr-serve[server]"' in result.stderr
