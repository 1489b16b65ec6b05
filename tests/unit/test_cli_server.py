"""`doctr-serve serve` and `doctr-serve up` before anything runs: their flags, and what `up` would start."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
import yaml
from doctr_serve.cli import app
from doctr_serve.edge import supervisor
from doctr_serve.edge.config import EnvoyOptions, render
from doctr_serve.edge.supervisor import StopRequested
from typer.testing import CliRunner, Result

PORTS = {"the server": "4001", "Envoy": "4002"}
BUNDLED = {
    "DOCTR_SERVE_DEFAULT_DETECTION_MODEL": "bundled/db_mobilenet_v3_large",
    "DOCTR_SERVE_DEFAULT_RECOGNITION_MODEL": "bundled/crnn_mobilenet_v3_small",
}


@dataclass
class Started:
    """Takes the supervisor's place: notes commands and environments, and writes the port each would report."""

    commands: dict[str, list[str]] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.commands[name], self.environments[name] = list(command), dict(env)
        (port_file,) = (flag.partition("=")[2] for flag in command if flag.startswith("--port-file="))
        with open(port_file, "w") as file:
            file.write(PORTS[name])

    def wait_until(self, _ready: Callable[[], bool]) -> None:
        pass

    def wait(self) -> None:
        raise StopRequested


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    started = Started()
    monkeypatch.setattr(supervisor, "Supervisor", lambda **_: started)
    monkeypatch.setenv("DOCTR_SERVE_LOG_FORMAT", "json")  # `up` sets a default, which would outlive the test
    return started


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_up_hands_origins_access_log_and_the_servers_limits_to_envoy(started: Started) -> None:
    flags = [
        "--cors-origin=https://a.example",
        "--cors-origin=https://b.example",
        "--access-log=requests.log",
    ]
    assert run("up", *flags, "--max-request-bytes=5000", "--request-timeout-s", "5").exit_code == 0
    assert started.commands["Envoy"][:3] == [sys.executable, "-m", "doctr_serve"]
    config = run(*started.commands["Envoy"][3:], "--print-config").stdout
    assert yaml.safe_load(config) == render(
        EnvoyOptions(
            upstreams=("127.0.0.1:4001",),
            admin="127.0.0.1:0",
            max_request_bytes=5000,
            request_timeout_s=5,
            cors_origins=("https://a.example", "https://b.example"),
            access_log="requests.log",
        )
    )


def test_up_without_flags_of_its_own_leaves_envoys_defaults(started: Started) -> None:
    assert run("up").exit_code == 0
    config = run(*started.commands["Envoy"][3:], "--print-config").stdout
    assert yaml.safe_load(config) == render(EnvoyOptions(upstreams=("127.0.0.1:4001",), admin="127.0.0.1:0"))


@pytest.mark.parametrize("command", ["serve", "up"])
@pytest.mark.parametrize("flags", [["--max-page=3"], ["--max-page", "3"]])
def test_a_misspelt_flag_is_named_with_the_command_whose_help_lists_the_flags(
    started: Started, command: str, flags: list[str]
) -> None:
    result = run(command, *flags)
    assert result.exit_code == 2
    assert result.stderr == (
        f"doctr-serve {command}: unrecognized arguments: {' '.join(flags)}; "
        f"doctr-serve {command} --help tells the flags\n"
    )
    assert started.commands == {}


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_help_of_up_has_its_own_flags_and_tells_of_the_settings(flag: str) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", run("up", flag).stdout)  # typer colours it on GitHub
    for own in ("--bundled", "--rest-address", "--cors-origin", "--access-log"):
        assert own in text
    assert "Every setting of the server is a flag here too" in text
    assert "doctr-serve serve --help" in text


def test_the_help_of_serve_has_plain_types_and_a_short_usage() -> None:
    text = run("serve", "--help").stdout
    assert text.startswith("usage: doctr-serve serve [flags]\n")
    assert "--weights-dir Path " in text
    assert "null" not in text
    assert "None" not in text


def test_a_misspelt_variable_is_told_once_by_up_and_by_serve_alone(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTR_SERVE_MAX_PAGE", "3")
    monkeypatch.setenv("DOCTR_SERVE_MAX_PAGES", "7")
    warning = "warning: DOCTR_SERVE_MAX_PAGE is no setting and has no effect"
    assert run("up").stderr.splitlines() == [f"doctr-serve up: {warning}"]
    assert started.environments["the server"]["DOCTR_SERVE_MAX_PAGES"] == "7"

    refused = "doctr-serve serve: port: Input should be less than or equal to 65535"
    command = [*started.commands["the server"], "--port=70000"]  # so that it ends after reading its settings
    server = subprocess.run(
        command, env=started.environments["the server"], capture_output=True, text=True, check=False
    )
    assert server.stderr.splitlines() == [refused]
    assert run("serve", "--port=70000").stderr.splitlines() == [f"doctr-serve serve: {warning}", refused]


@pytest.mark.parametrize("by_flag", [True, False])
def test_bundled_models_are_the_default_where_no_other_is_named(
    started: Started, monkeypatch: pytest.MonkeyPatch, by_flag: bool
) -> None:
    flags = ["--default-detection-model=db_resnet34"] if by_flag else []
    if not by_flag:
        monkeypatch.setenv("DOCTR_SERVE_DEFAULT_DETECTION_MODEL", "db_resnet34")
    told = run("up", "--bundled", *flags).stdout
    environment = started.environments["the server"]
    assert {name: environment[name] for name in BUNDLED} == BUNDLED | {
        "DOCTR_SERVE_DEFAULT_DETECTION_MODEL": "db_resnet34"
    }
    assert "db_resnet34 and bundled/crnn_mobilenet_v3_small read your documents" in told


def test_a_wrong_variable_is_one_line_with_bundled_too(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTR_SERVE_MAX_PAGES", "0")
    result = run("up", "--bundled")
    assert result.exit_code == 2
    assert result.stderr == "doctr-serve up: max_pages: Input should be greater than or equal to 1\n"
    assert started.commands == {}
