"""``doctr-serve limits``: what a server takes, for people and for programs."""

from __future__ import annotations

import json

import grpc
import pytest
import typer
from doctr_serve.settings import Settings
from doctr_serve_client.cli import limits as limits_command
from typer.testing import CliRunner

app = typer.Typer()
limits_command.register(app)


@pytest.fixture
def limits(server, monkeypatch):
    """Runs the command against the fake server."""
    monkeypatch.setenv("DOCTR_SERVE_SERVER", server.address)

    def run(*arguments):
        return CliRunner().invoke(app, list(arguments))

    return run


def test_limits_prints_one_a_line_with_bytes_in_mib_too(limits, server):
    server.service.settings = Settings(max_request_bytes=5 * 1024 * 1024, request_timeout_s=12.5)

    result = limits()

    assert result.exit_code == 0, result.stderr
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines() if line]
    assert ["max_request_bytes", "5242880 (5 MiB)"] in lines
    assert ["request_timeout_s", "12.5"] in lines
    assert ["allow_hub_models", "no"] in lines
    assert ["JPEG:", ".jpg .jpeg .jfif"] in lines


def test_limits_as_json_is_the_rest_answer(limits, server):
    server.service.settings = Settings(min_upload_bytes_per_s=0)

    answer = json.loads(limits("--json").stdout)

    assert answer["limits"]["max_request_bytes"] == "104857600"
    assert answer["limits"]["min_upload_bytes_per_s"] == 0
    assert answer["allow_hub_models"] is False
    assert answer["formats"][1] == {"name": "PNG", "media_types": ["image/png"], "extensions": [".png"]}


def test_a_server_that_does_not_tell_its_limits_is_a_failure(limits, server):
    server.service.failures.append(grpc.StatusCode.UNIMPLEMENTED)

    result = limits()

    assert result.exit_code == 1
    assert result.stderr.startswith("doctr-serve limits: UNIMPLEMENTED")
    assert result.stdout == ""


def test_control_characters_of_a_server_do_not_reach_the_terminal(limits, server):
    server.service.settings = Settings(default_detection_model="\x1b[2Jmodel")

    assert "\x1b" not in limits().stdout


@pytest.mark.parametrize("arguments", [["--server", "http://localhost:1"], ["--ca-file", "nowhere.pem"]])
def test_a_server_that_cannot_be_called_is_wrong_usage(limits, arguments):
    result = limits(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith("doctr-serve limits: ")
