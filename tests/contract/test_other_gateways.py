"""The contract's HTTP annotations serve other gateways than Envoy: grpc-gateway, in the version that Debian 12 has.

Its plugins (grpc-gateway 1.6.4; protoc-gen-go 1.3.5, with which the gateway's sources are built) are older than
`optional`, and protoc does not give them a file that has it: "code generator ... hasn't been updated to support
optional fields in proto3". protoc-gen-go 1.28.1, which Debian has too, does know it, but conflicts with
golang-goprotobuf-dev, which the gateway's sources depend on; and there is no newer protoc-gen-grpc-gateway. So they are
given the contract as protoc describes it to plugins that do not ask: each optional field as the only one of a oneof,
with the same bytes on the wire, the same JSON, and false told from absent. Newer plugins take the contract as it is.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import generate_protos
import grpc
import httpx
import pytest
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from google.protobuf import descriptor_pb2, json_format
from support.tools import GO_SOURCES, ROOT, require_go_packages, require_tools, run

LETTER = ROOT / "samples" / "letter.pdf"
# The packages of the messages that the contract imports, where this generation of Go's protobuf has others.
GO_PACKAGES = ",".join(
    (
        "Mgoogle/protobuf/any.proto=github.com/golang/protobuf/ptypes/any",
        "Mgoogle/protobuf/descriptor.proto=github.com/golang/protobuf/protoc-gen-go/descriptor",
        "Mgoogle/protobuf/struct.proto=github.com/golang/protobuf/ptypes/struct",
    )
)
GATEWAY = """
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	gateway "github.com/doctr-serve/doctr-serve/gen/go/doctr_serve/v1"
	"github.com/grpc-ecosystem/grpc-gateway/runtime"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
)

func main() {
	names := runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{OrigName: true, EmitDefaults: true})
	mux := runtime.NewServeMux(names)
	options := []grpc.DialOption{grpc.WithInsecure()}
	err := gateway.RegisterOCRServiceHandlerFromEndpoint(context.Background(), mux, os.Args[1], options)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}
"""


@pytest.fixture(scope="module")
def contract_with_oneofs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract as a descriptor set in which optional fields are ordinary fields of a oneof."""
    path = tmp_path_factory.mktemp("contract") / "set.pb"
    generate_protos.run_protoc(
        "--include_imports", "--include_source_info", f"--descriptor_set_out={path}", generate_protos.CONTRACT
    )
    files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    for field in (field for file in files.file for message in file.message_type for field in message.field):
        field.ClearField("proto3_optional")
    path.write_bytes(files.SerializeToString())
    return path


def generate(contract: Path, folder: Path, *outputs: str) -> None:
    """Runs Debian's protoc and its plugins; with the contract as it is where the plugins take it."""
    folder.mkdir(parents=True, exist_ok=True)
    generate_protos.copy_googleapis(generate_protos.GOOGLEAPIS_DIR)
    flags = [f"{output}:{folder}" for output in outputs]
    includes = ("-Iprotos", f"-I{generate_protos.GOOGLEAPIS_DIR}")
    as_it_is = run("protoc", *includes, *flags, generate_protos.CONTRACT, expect=[0, 1])
    if as_it_is.returncode:
        assert "hasn't been updated to support optional fields in proto3" in as_it_is.stderr
        run("protoc", f"--descriptor_set_in={contract}", *flags, generate_protos.CONTRACT)


def test_a_description_of_the_rest_api_comes_out_of_the_contract(
    contract_with_oneofs: Path, tmp_path: Path
) -> None:
    require_tools("protoc", "protoc-gen-swagger")
    generate(contract_with_oneofs, tmp_path, "--swagger_out=logtostderr=true")
    described = json.loads((tmp_path / "doctr_serve" / "v1" / "ocr.swagger.json").read_text())
    assert {f"{verb} {path}" for path, verbs in described["paths"].items() for verb in verbs} >= {
        "post /v1/documents:read",
        "post /v1/documents:stream",
        "post /ocr",
        "get /models",
    }
    (body,) = described["paths"]["/v1/documents:read"]["post"]["parameters"]
    assert (body["in"], body["schema"]) == ("body", {"$ref": "#/definitions/v1OCRRequest"})


@pytest.fixture(scope="module")
def program(contract_with_oneofs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway, generated and compiled."""
    require_tools("protoc", "protoc-gen-go", "protoc-gen-grpc-gateway", "go")
    require_go_packages(
        "github.com/golang/protobuf/jsonpb",
        "github.com/grpc-ecosystem/grpc-gateway/runtime",
        "google.golang.org/genproto/googleapis/api/httpbody",
        "google.golang.org/grpc",
    )
    folder = tmp_path_factory.mktemp("gateway")
    generate(contract_with_oneofs, folder / "src", f"--go_out=plugins=grpc,{GO_PACKAGES}")
    generate(contract_with_oneofs, folder / "src", f"--grpc-gateway_out=logtostderr=true,{GO_PACKAGES}")
    (folder / "src" / "gateway").mkdir()
    (folder / "src" / "gateway" / "main.go").write_text(GATEWAY)
    environment = {
        "GO111MODULE": "off",
        "GOPATH": f"{folder}:{GO_SOURCES}",
        "GOCACHE": str(ROOT / "build" / "go"),
    }
    run("go", "build", "-o", folder / "program", "gateway", env=environment)
    return folder / "program"


@pytest.fixture(scope="module")
def client(program: Path, server_address: str) -> Iterator[httpx.Client]:
    """A client of the gateway, which runs before the real server."""
    with subprocess.Popen([program, server_address], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            with httpx.Client(base_url=f"http://{address}", timeout=120) as open_client:
                yield open_client
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def in_json(**options: object) -> dict[str, object]:
    request = ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name=LETTER.name, content=LETTER.read_bytes())])
    return {**json_format.MessageToDict(request), **options}


@pytest.fixture(scope="module")
def pages(server_address: str) -> list[ocr_pb2.PageResult]:
    """The letter's pages as the server gives them."""
    request = json_format.ParseDict(in_json(assume_straight_pages=False), ocr_pb2.OCRRequest())
    with grpc.insecure_channel(server_address) as channel:
        return list(ocr_pb2_grpc.OCRServiceStub(channel).StreamPages(request, timeout=120))


def test_a_generated_gateway_reads_a_document(client: httpx.Client, pages: list[ocr_pb2.PageResult]) -> None:
    response = client.post("/v1/documents:read", json=in_json(assumeStraightPages=False))
    assert response.status_code == 200, response.text
    answer = json_format.ParseDict(response.json(), ocr_pb2.OCRResponse())
    assert list(answer.results) == pages
    assert len(pages) == 2
    assert len(pages[0].pages[0].blocks[0].geometry) == 8, "false is not taken for absent"


def test_a_generated_gateway_streams_pages(client: httpx.Client, pages: list[ocr_pb2.PageResult]) -> None:
    response = client.post("/v1/documents:stream", json=in_json(assume_straight_pages=False))
    entries = [json.loads(line)["result"] for line in response.text.splitlines()]
    assert [json_format.ParseDict(entry, ocr_pb2.PageResult()) for entry in entries] == pages


def test_a_generated_gateway_passes_the_servers_errors_on(client: httpx.Client) -> None:
    refused = client.post("/v1/documents:read", json={"documents": []})
    assert refused.status_code == 400
    assert "send at least one in documents" in refused.json()["message"]
    unknown = client.post("/v1/documents:read", json=in_json(detection_model="db_resnet5"))
    assert unknown.status_code == 400
    assert "db_resnet50" in unknown.json()["message"]


def test_a_generated_gateway_lists_the_models(client: httpx.Client) -> None:
    listed = client.get("/models").json()
    assert listed["default_detection_model"] == "bundled/db_mobilenet_v3_large"
