"""Which runtime serves: OpenVINO on x86 CPUs where it is installed, torch everywhere else, and the log says so."""

from __future__ import annotations

import platform
import sys
from typing import Any

import pytest
from doctr_serve.catalog import Catalog
from doctr_serve.inference.runtimes import choice
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.settings import Settings

OPENVINO_MODULE = "doctr_serve.inference.runtimes.openvino_runtime"


def chosen(caplog: pytest.LogCaptureFixture, **settings: Any) -> tuple[str, Any]:
    """The runtime's class, and the one line that is logged about it."""
    values = Settings(**{"runtime": "auto", **settings})
    with caplog.at_level("INFO"):
        runtime = choice.runtime_for(values, Catalog(values))
    (line,) = [record for record in caplog.records if record.msg == "runtime"]
    return type(runtime).__name__, line


@pytest.fixture
def on_x86(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, OPENVINO_MODULE, raising=False)
    monkeypatch.setitem(sys.modules, "openvino", None)


@pytest.mark.usefixtures("on_x86")
def test_openvino_serves_on_x86(caplog: pytest.LogCaptureFixture) -> None:
    name, line = chosen(caplog, inference_precision="f32")
    assert (name, line.runtime, line.precision) == ("OpenVINORuntime", "openvino", "f32")


def test_torch_serves_on_other_processors(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    name, line = chosen(caplog)
    assert (name, line.runtime, line.reason) == ("TorchRuntime", "torch", "the processor is aarch64")


@pytest.mark.usefixtures("on_x86")
def test_torch_serves_on_other_devices(caplog: pytest.LogCaptureFixture) -> None:
    name, line = chosen(caplog, device="meta")
    assert (name, line.reason) == ("TorchRuntime", "the setting device is meta")


@pytest.mark.usefixtures("on_x86", "without_openvino")
def test_torch_serves_where_openvino_is_not_installed(caplog: pytest.LogCaptureFixture) -> None:
    name, line = chosen(caplog)
    assert name == "TorchRuntime"
    assert line.reason.startswith("OpenVINO cannot be imported")


@pytest.mark.usefixtures("without_openvino")
def test_a_server_that_is_to_use_openvino_does_not_start_without_it() -> None:
    settings = Settings(runtime="openvino")
    with pytest.raises(RuntimeError, match="runtime asks for it, but OpenVINO cannot be imported"):
        choice.runtime_for(settings, Catalog(settings))


@pytest.mark.usefixtures("on_x86")
def test_torch_serves_where_the_settings_say_so(caplog: pytest.LogCaptureFixture) -> None:
    name, line = chosen(caplog, runtime="torch")
    assert (name, line.reason) == (TorchRuntime.__name__, "the setting runtime")
