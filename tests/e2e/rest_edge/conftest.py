"""One Envoy and one scripted server for all tests of the edge; tests that stop a server run their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from doctr_serve.edge.config import EnvoyOptions
from support.fake_ocr_server import FakeServer
from support.rest_edge import ENVOY_LIMIT_BYTES, SERVER_LIMIT_BYTES
from support.rest_server import FakeFormService, run_envoy, run_form_server


@pytest.fixture(scope="package")
def server() -> Iterator[FakeServer]:
    with run_form_server(max_request_bytes=SERVER_LIMIT_BYTES) as running:
        yield running


@pytest.fixture(scope="package")
def access_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("envoy") / "access.log"


@pytest.fixture(scope="package")
def envoy_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("envoy") / "envoy.log"


@pytest.fixture(scope="package")
def edge(server: FakeServer, access_log: Path, envoy_log: Path) -> Iterator[str]:
    """Envoy's http://host:port."""
    options = EnvoyOptions(
        upstreams=(server.address,), max_request_bytes=ENVOY_LIMIT_BYTES, access_log=str(access_log)
    )
    with envoy_log.open("wb") as output, run_envoy(options, output=output) as url:
        yield url


@pytest.fixture
def service(server: FakeServer) -> FakeFormService:
    """The scripted service, back at its defaults."""
    fresh = type(server.service)(SERVER_LIMIT_BYTES)
    server.service.__dict__.update(fresh.__dict__)
    return server.service


@pytest.fixture
def client(edge: str, service: FakeFormService) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=edge, timeout=30) as open_client:
        yield open_client


@pytest.fixture
def channel(edge: str, service: FakeFormService) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(edge.removeprefix("http://")) as open_channel:
        yield open_channel
