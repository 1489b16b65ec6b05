"""Programs that only some tests need: such a test skips, saying so, where one is absent."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

__all__ = ["GO_SOURCES", "ROOT", "TYPESCRIPT", "require_file", "require_go_packages", "require_tools", "run"]

ROOT = Path(__file__).resolve().parent.parent.parent
TYPESCRIPT = ROOT / "clients" / "typescript"

GO_SOURCES = Path("/usr/share/gocode")
"""Where Debian's packages of Go libraries put their sources: a GOPATH."""


def require_tools(*programs: str) -> None:
    """Skips the test unless all programs are on the PATH; fails it where CI said that they must be."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        _absent(f"needs {', '.join(missing)} on the PATH")


def require_file(path: Path, how: str) -> Path:
    """Returns ``path``, or skips the test saying how the file comes about."""
    if not path.exists():
        _absent(f"{path.relative_to(ROOT)} is not there: {how}")
    return path


def require_go_packages(*names: str) -> None:
    """Skips the test unless Debian's sources of these Go packages are there; fails where CI said that they must be."""
    missing = [name for name in names if not (GO_SOURCES / "src" / name).is_dir()]
    if missing:
        _absent(f"needs Debian's sources of the Go packages {', '.join(missing)}")


def run(
    *command: str | Path,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 240,
    expect: Sequence[int] = (0,),
) -> subprocess.CompletedProcess[str]:
    """Runs a command and returns its output as text.

    Args:
        command: program and arguments.
        cwd: where it runs; the repository by default.
        env: variables on top of the environment.
        timeout_s: seconds until it is killed.
        expect: exit statuses that are right; another one fails the test with everything it printed.
    """
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert result.returncode in expect, (
        f"{' '.join(map(str, command))} ended with {result.returncode}\n{result.stdout}\n{result.stderr}"
    )
    return result


def _absent(reason: str) -> None:
    if os.environ.get("DOCTR_SERVE_REQUIRE_TOOLS"):
        pytest.fail(f"DOCTR_SERVE_REQUIRE_TOOLS is set, but this test {reason}")
    pytest.skip(reason)
