"""Makes from the contract: the Python stubs, Envoy's descriptor set, and buf's copy of googleapis.

Run through ``make protos`` and ``make googleapis``; the tests call the same functions to see that the
committed files are up to date.
"""

from __future__ import annotations

import argparse
import importlib.resources
import shutil
import sys
from pathlib import Path

import google.api
import grpc_tools
from doctr_serve.edge.rest_methods import raw_body_fields
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
CONTRACT = "doctr_serve/v1/ocr.proto"
STUBS_DIR = ROOT / "server"
DESCRIPTOR_SET = ROOT / "envoy" / "ocr.descriptor.pb"
GOOGLEAPIS_DIR = ROOT / "build" / "googleapis"

# What the contract imports, with what that imports, and the error details that a status carries.
GOOGLEAPIS = (
    "google/api/annotations.proto",
    "google/api/http.proto",
    "google/api/httpbody.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
)


def googleapis_include() -> Path:
    """The folder to give protoc as ``-I`` for google/api and google/rpc: googleapis-common-protos' own."""
    return Path(next(iter(google.api.__path__))).parent.parent


def run_protoc(*arguments: str) -> None:
    """Runs grpcio-tools' protoc on the contract's include paths.

    Args:
        arguments: output flags and the proto files to compile.

    Raises:
        RuntimeError: protoc failed; it printed why.
    """
    well_known = importlib.resources.files(grpc_tools) / "_proto"
    includes = [f"-I{path}" for path in (PROTOS, googleapis_include(), well_known)]
    if protoc.main(["protoc", *includes, *arguments]) != 0:
        raise RuntimeError(f"protoc failed on {' '.join(arguments)}")


def write_stubs(directory: Path) -> None:
    """Writes the Python messages, their type stubs and the gRPC classes below ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    run_protoc(
        f"--python_out={directory}", f"--pyi_out={directory}", f"--grpc_python_out={directory}", CONTRACT
    )


def write_descriptor_set(path: Path) -> None:
    """Writes the descriptor set that Envoy transcodes with.

    ``google/rpc/error_details.proto`` is in it although the contract does not import it: the transcoder
    prints the details of a ``google.rpc.Status`` only when it knows their types.
    """
    details = "google/rpc/error_details.proto"
    run_protoc("--include_imports", f"--descriptor_set_out={path}", CONTRACT, details)
    hand_over_json(path)


def hand_over_json(path: Path) -> None:
    """Binds the bodies that the contract binds with ``*`` to the request's field for raw ones, where it has one.

    So the server reads the JSON itself: see :func:`doctr_serve.edge.rest_methods.raw_body_fields`.
    """
    files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    for method in (method for file in files.file for service in file.service for method in service.method):
        raw = raw_body_fields(pool.FindMessageTypeByName(method.input_type.removeprefix(".")))
        rule = method.options.Extensions[annotations_pb2.http]
        for binding in (rule, *rule.additional_bindings):
            if binding.body == "*" and raw:
                binding.body = raw[0]
    path.write_bytes(files.SerializeToString(deterministic=True))


def copy_googleapis(directory: Path) -> None:
    """Copies the imported google/api and google/rpc files to ``directory``, a module of buf's workspace."""
    for name in GOOGLEAPIS:
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(googleapis_include() / name, target)


def main() -> None:
    """``generate_protos.py stubs | descriptor | googleapis``, any number of them."""
    steps = {
        "stubs": lambda: write_stubs(STUBS_DIR),
        "descriptor": lambda: write_descriptor_set(DESCRIPTOR_SET),
        "googleapis": lambda: copy_googleapis(GOOGLEAPIS_DIR),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="+", choices=sorted(steps))
    try:
        for step in parser.parse_args().steps:
            steps[step]()
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
