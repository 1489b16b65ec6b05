"""`doctr-serve serve` and `doctr-serve up` before anything runs: their flags, and what `up` would start."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from doctr_serve.cli import app
from doctr_serve.cli.configuration import settings_environment
from doctr_serve.edge import stack, supervisor
from doctr_serve.edge.config import Config, EnvoyOptions, render
from doctr_serve.edge.supervisor import StopRequested
from doctr_serve.rpc import probe
from doctr_serve.settings import Settings
from typer.testing import CliRunner, Result

GRPC_PORT, REST_PORT = 4001, 4002
BUNDLED = {
    "DOCTR_SERVE_DEFAULT_DETECTION_MODEL": "bundled/db_mobilenet_v3_large",
    "DOCTR_SERVE_DEFAULT_RECOGNITION_MODEL": "bundled/crnn_mobilenet_v3_small",
}


@dataclass
class Started:
    """Takes the places of the supervisor and of its children: notes what would start, and that it is ready."""

    commands: dict[str, list[str]] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    envoys: list[Config] = field(default_factory=list)

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self, _name: str, launch: Callable[[], object]) -> None:
        launch()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        assert ready()

    def wait(self) -> None:
        raise StopRequested

    def launch_server(self, command: Sequence[str], *, env: Mapping[str, str]) -> None:
        self.commands["the server"], self.environments["the server"] = list(command), dict(env)
        Path(env["DOCTR_SERVE_PORT_FILE"]).write_text(str(GRPC_PORT))

    def launch_envoy(self, config: Config) -> Started:
        self.envoys.append(config)
        return self

    def is_live(self) -> bool:
        return True

    def port(self) -> int:
        return REST_PORT


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    started = Started()
    monkeypatch.setattr(supervisor, "Supervisor", lambda **_: started)
    monkeypatch.setattr(stack, "Child", started.launch_server)
    monkeypatch.setattr(stack, "EnvoyProcess", started.launch_envoy)
    monkeypatch.setattr(probe, "grpc_is_serving", lambda _address: True)
    monkeypatch.setattr(stack, "rest_is_ready", lambda _host, _port: True)
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
    assert started.envoys == [
        render(
            EnvoyOptions(
                upstreams=(f"127.0.0.1:{GRPC_PORT}",),
                admin="127.0.0.1:0",
                max_request_bytes=5000,
                request_timeout_s=5,
                cors_origins=("https://a.example", "https://b.example"),
                access_log="requests.log",
            )
        )
    ]


def test_up_without_flags_of_its_own_leaves_envoys_defaults(started: Started) -> None:
    assert run("up").exit_code == 0
    options = EnvoyOptions(upstreams=(f"127.0.0.1:{GRPC_PORT}",), admin="127.0.0.1:0")
    assert started.envoys == [render(options)]


def test_up_refuses_a_wrong_address_before_anything_starts(started: Started) -> None:
    result = run("up", "--rest-address=8080")
    assert result.exit_code == 2
    assert result.stderr == "doctr-serve: '8080' is no host:port, such as 127.0.0.1:8080 or [::1]:8080\n"
    assert started.commands == {}


def test_up_refuses_an_address_that_is_taken_before_anything_starts(started: Started) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run("up", f"--rest-address={address}")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"doctr-serve: {address} is taken: another program listens there")
    assert started.commands == {}


def test_people_read_the_logs_of_up_unless_they_ask_for_json(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("up").exit_code == 0
    assert started.environments["the server"]["DOCTR_SERVE_LOG_FORMAT"] == "console"
    assert run("up", "--log-format=json").exit_code == 0
    assert started.environments["the server"]["DOCTR_SERVE_LOG_FORMAT"] == "json"
    monkeypatch.setenv("DOCTR_SERVE_LOG_FORMAT", "json")
    assert run("up").exit_code == 0
    assert started.environments["the server"]["DOCTR_SERVE_LOG_FORMAT"] == "json"


def another_value(name: str) -> Any:
    """A valid value of a setting, other than its default."""
    info = Settings.model_fields[name]
    default, kind = info.get_default(call_default_factory=True), info.annotation
    if get_origin(kind) is Literal:
        return next(value for value in get_args(kind) if value != default)
    if isinstance(default, bool):
        return not default
    if isinstance(default, int | float):
        return default + 1 if isinstance(default, int) else default + 1 / 3
    if name == "trusted_proxies":
        return [*default, "192.0.2.0/24"]
    if isinstance(default, list):
        return ["db_resnet50", "someone/their model, trained twice"]
    return Path("/some where/else") if Path in get_args(kind) else f'{default} and "more", [1]'


@pytest.mark.usefixtures("default_runtime")
@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_reaches_the_server_through_the_environment_as_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, plain = Settings(**{name: another_value(name)}), Settings()
    assert changed != plain
    for settings in (changed, plain):
        with monkeypatch.context() as patch:
            # What is set here, by variables, does not count: the flags have been read.
            patch.setenv(f"DOCTR_SERVE_{name.upper()}", json.dumps(another_value(name), default=str))
            environment = settings_environment(settings)
        with monkeypatch.context() as patch:
            patch.setattr(os, "environ", environment)
            assert Settings() == settings


def test_the_servers_environment_keeps_what_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("doctr_serve_max_pages", "3")
    environment = settings_environment(Settings(max_pages=5))
    assert environment["OMP_NUM_THREADS"] == "3"
    assert [value for name, value in environment.items() if name.upper() == "DOCTR_SERVE_MAX_PAGES"] == ["5"]


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
