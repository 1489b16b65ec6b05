"""What the code imports is what pyproject.toml declares: nothing comes only because something else brings it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PLAIN = PROJECT["dependencies"]
SERVER = [*PLAIN, *PROJECT["optional-dependencies"]["server"]]
OURS = {"doctr_serve", "doctr_serve_client"}


def declared(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


def imported(folder: Path) -> dict[str, set[str]]:
    """Top-level modules that are neither ours nor Python's, with the files that import them."""
    found: dict[str, set[str]] = {}
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                if top not in OURS | set(sys.stdlib_module_names):
                    found.setdefault(name if top == "google" else top, set()).add(file.name)
    return found


@pytest.mark.parametrize(
    ("folder", "requirements"), [("server/doctr_serve", SERVER), ("clients/python", PLAIN)]
)
def test_every_import_is_declared(folder: str, requirements: list[str]) -> None:
    distributions = packages_distributions()
    google = {"google.protobuf": "protobuf", "google.api": "googleapis-common-protos"}
    google["google.rpc"] = google["google.api"]
    for module, files in imported(ROOT / folder).items():
        known = next((name for prefix, name in google.items() if module.startswith(prefix)), None)
        candidates = [known] if known else distributions.get(module, [])
        names = {name.lower().replace("_", "-") for name in candidates}
        assert names & declared(requirements), f"{module}, imported by {sorted(files)}, is not declared"
