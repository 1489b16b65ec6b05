"""``doctr-serve models`` and ``doctr-serve pull``, with a local https server in place of docTR's."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import trustme
import typer
from doctr_serve.catalog import Catalog, doctr_weights
from doctr_serve.cli import models as models_command
from doctr_serve.cli import pull as pull_command
from support.file_server import FileServer, content, serve, status
from typer.testing import CliRunner, Result

app = typer.Typer()
models_command.register(app)
pull_command.register(app)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """docTR's cache, empty, and no setting but the defaults; returns its folder of models."""
    for name in [name for name in os.environ if name.startswith("DOCTR_SERVE_")]:
        monkeypatch.delenv(name)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCTR_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """TLS for localhost that the commands trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return context


def publish(monkeypatch: pytest.MonkeyPatch, address: str, bodies: dict[str, bytes]) -> dict[str, str]:
    """Moves the models' addresses to the server; returns their file names, each with its content's hash."""
    names = {}
    for model, body in bodies.items():
        names[model] = f"{model}-{hashlib.sha256(body).hexdigest()[:8]}.pt"
        url = f"{address}/models?id=v1/{names[model]}&src=0"
        monkeypatch.setitem(doctr_weights._URLS, model, url)
    return names


def shelf(bodies: dict[str, bytes]):
    """Answers with the body of the model whose name is in the address, or 404."""

    def answer(handler: BaseHTTPRequestHandler, server: FileServer) -> None:
        model = handler.path.rpartition("/")[2].partition("-")[0]
        (content(bodies[model]) if model in bodies else status(404))(handler, server)

    return answer


def test_models_lists_every_model_with_the_default_pair_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTR_SERVE_DEFAULT_DETECTION_MODEL", "fast_tiny")
    result = call("models")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["NAME", "TASK", "SOURCE", "PRESENT", "SIZE"]
    assert len(lines) == 28
    assert [line.split()[0] for line in lines if line.endswith("default")] == ["fast_tiny", "crnn_vgg16_bn"]


def test_models_says_which_weights_are_here_and_how_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parseq.safetensors").write_bytes(bytes(2_340_000))
    monkeypatch.setenv("DOCTR_SERVE_WEIGHTS_DIR", str(tmp_path))
    lines = {line.split()[0]: line.split()[1:] for line in call("models").stdout.splitlines()}
    assert lines["parseq"] == ["recognition", "docTR", "yes", "2.3", "MB"]
    assert lines["master"] == ["recognition", "docTR", "no"]


def test_models_as_json_has_the_same_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parseq.pt").write_bytes(bytes(10))
    monkeypatch.setenv("DOCTR_SERVE_WEIGHTS_DIR", str(tmp_path))
    models = {model["name"]: model for model in json.loads(call("models", "--json").stdout)}
    assert len(models) == 27
    assert models["parseq"] == {
        "name": "parseq",
        "task": "recognition",
        "source": "docTR",
        "architecture": "parseq",
        "present": True,
        "size_bytes": 10,
        "path": str(tmp_path / "parseq.pt"),
        "default": False,
    }
    assert models["db_resnet50"]["default"] is True
    assert models["db_resnet50"]["path"] is None


def test_models_with_details_tells_what_they_read_their_licence_and_what_runs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parseq.pt").write_bytes(bytes(10))
    monkeypatch.setenv("DOCTR_SERVE_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("DOCTR_SERVE_RUNTIME", "torch")
    models = {model["name"]: model for model in json.loads(call("models", "--details", "--json").stdout)}
    told = models["bundled/crnn_mobilenet_v3_small"]
    assert told["vocabulary"] == {"name": "french", "size": 126, "scripts": ["Latin"]}
    assert told["license"]["spdx_id"] == "Apache-2.0"
    assert (told["runtime"], told["precision"]) == ("torch", "f32")
    assert (told["input_height_pixels"], told["input_width_pixels"]) == (32, 192)
    lines = {line.split()[0]: line for line in call("models", "--details").stdout.splitlines()}
    assert lines["NAME"].split()[-4:] == ["INPUT", "RUNTIME", "VOCABULARY", "LICENSE"]
    assert lines["parseq"].endswith("32x128     torch f32  french, 126 characters, Latin  unknown")
    assert "1024x1024  torch f32" in lines["db_resnet50"]


def test_models_names_a_default_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTR_SERVE_DEFAULT_DETECTION_MODEL", "db_resnet500")
    result = call("models")
    assert "'db_resnet500' is unknown (did you mean 'db_resnet50'?)" in result.stderr
    assert len(result.stdout.splitlines()) == 28


def test_models_imports_no_torch() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; import typer; from doctr_serve.cli import models\n"
        "app = typer.Typer(); app.callback()(lambda: None); models.register(app)\n"
        "assert CliRunner().invoke(app, ['models']).exit_code == 0\n"
        "assert not {'torch', 'doctr'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_pull_fetches_what_can_be_fetched_and_fails_for_the_rest(
    cache: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = {"db_resnet50": os.urandom(1_500_000), "crnn_vgg16_bn": os.urandom(1_000)}
    with serve(shelf(bodies), tls=tls) as server:
        names = publish(monkeypatch, server.address, {**bodies, "master": b"not on the server"})
        result = call("pull", "db_resnet50", "master", "nonsense", "crnn_vgg16_bn")
    assert result.exit_code == 1
    assert (cache / names["db_resnet50"]).read_bytes() == bodies["db_resnet50"]
    assert (cache / names["crnn_vgg16_bn"]).read_bytes() == bodies["crnn_vgg16_bn"]
    assert result.stdout.splitlines() == [
        f"db_resnet50: fetched, 1.5 MB: {cache / names['db_resnet50']}",
        f"crnn_vgg16_bn: fetched, 0.0 MB: {cache / names['crnn_vgg16_bn']}",
    ]
    assert (
        f"{names['master']} could not be downloaded from localhost: the server answered 404" in result.stderr
    )
    assert "'nonsense' is unknown" in result.stderr


def test_pull_succeeds_and_fetches_nothing_twice(
    cache: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = {"db_resnet50": os.urandom(1_000)}
    with serve(shelf(bodies), tls=tls) as server:
        publish(monkeypatch, server.address, bodies)
        assert call("pull", "db_resnet50", "db_resnet50").exit_code == 0
        again = call("pull", "db_resnet50")
    assert again.exit_code == 0
    assert again.stdout.startswith("db_resnet50: already here: ")
    assert len(server.requests) == 1


def test_pull_all_fetches_every_model_of_doctr(
    cache: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = {name: os.urandom(100) for name in doctr_weights._URLS if doctr_weights.are_published(name)}
    with serve(shelf(bodies), tls=tls) as server:
        names = publish(monkeypatch, server.address, bodies)
        result = call("pull", "--all")
    assert result.exit_code == 0, result.stderr
    assert len(names) == 22
    assert {path.name for path in cache.glob("*.pt")} >= set(names.values())


def test_pull_without_a_name_says_what_to_give() -> None:
    result = call("pull")
    assert result.exit_code == 2
    assert "name at least one model, or --all" in result.stderr


@pytest.mark.parametrize("command", [["models"], ["pull", "db_resnet50"]])
def test_a_wrong_setting_is_named(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTR_SERVE_DOWNLOAD_TIMEOUT_S", "soon")
    result = call(*command)
    assert result.exit_code == 2
    assert result.stderr.startswith("doctr-serve: DOCTR_SERVE_DOWNLOAD_TIMEOUT_S: ")


def test_an_interrupted_pull_ends_as_shells_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Catalog, "pull", interrupt)
    assert call("pull", "db_resnet50").exit_code == 130
