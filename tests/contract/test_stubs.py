"""Stubs come out of the contract with the tools of each language, compile, and read a document on a real server."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import generate_protos
import grpc
import pytest
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from support.tools import ROOT, TYPESCRIPT, require_file, require_tools, run

LETTER = ROOT / "samples" / "letter.pdf"
NOT_A_DOCUMENT = ROOT / "samples" / "letter.txt"

PYTHON_CLIENT = """
import pathlib, sys
import grpc
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc

stubs, address, *paths = sys.argv[1:]
assert ocr_pb2.__file__.startswith(stubs), f"not the stubs under test: {ocr_pb2.__file__}"
documents = [ocr_pb2.Document(name=pathlib.Path(path).name, content=pathlib.Path(path).read_bytes())
             for path in paths]
with grpc.insecure_channel(address) as channel:
    stub = ocr_pb2_grpc.OCRServiceStub(channel)
    for result in stub.StreamPages(ocr_pb2.OCRRequest(documents=documents)):
        print(f"--- {result.name}, page {result.page_number} of {result.page_count}")
        for page in result.pages:
            for block in page.blocks:
                for line in block.lines:
                    print(" ".join(word.value for word in line.words))
"""


@pytest.fixture(scope="module")
def expected_output(server_address: str) -> list[str]:
    """What every client prints for the letter, from the package's own stubs."""
    request = ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name=LETTER.name, content=LETTER.read_bytes())])
    with grpc.insecure_channel(server_address) as channel:
        results = ocr_pb2_grpc.OCRServiceStub(channel).ReadDocuments(request).results
    lines = []
    for result in results:
        lines.append(f"--- letter.pdf, page {result.page_number} of {result.page_count}")
        blocks = (block for page in result.pages for block in page.blocks)
        lines += [" ".join(word.value for word in line.words) for block in blocks for line in block.lines]
    assert [line for line in lines if line.startswith("---")] == [
        "--- letter.pdf, page 1 of 2",
        "--- letter.pdf, page 2 of 2",
    ]
    assert len(lines) > 40, "the letter has 42 lines with text"
    return lines


@pytest.fixture(scope="module")
def googleapis() -> Path:
    generate_protos.copy_googleapis(generate_protos.GOOGLEAPIS_DIR)
    return generate_protos.GOOGLEAPIS_DIR


def text_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line]


def test_plain_protoc_makes_python_stubs_that_read_a_document(
    tmp_path: Path, googleapis: Path, server_address: str, expected_output: list[str]
) -> None:
    require_tools("protoc", "grpc_python_plugin")
    plugin = f"--plugin=protoc-gen-grpc={shutil.which('grpc_python_plugin')}"
    outputs = (f"--python_out={tmp_path}", f"--grpc_out={tmp_path}", plugin)
    run("protoc", "-Iprotos", f"-I{googleapis}", *outputs, generate_protos.CONTRACT)
    # Packages, so that they hide the installed doctr_serve.
    for package in ("doctr_serve", "doctr_serve/v1"):
        (tmp_path / package / "__init__.py").touch()
    client = run(
        sys.executable,
        "-c",
        PYTHON_CLIENT,
        tmp_path,
        server_address,
        LETTER,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert text_lines(client.stdout) == expected_output


@pytest.fixture(scope="module")
def typescript_client(googleapis: Path) -> Path:
    """clients/typescript, generated with buf, type-checked and compiled."""
    require_tools("node")
    programs = TYPESCRIPT / "node_modules" / ".bin"
    require_file(programs / "tsc", "run npm ci in clients/typescript")
    run(programs / "buf", "generate")
    run(programs / "tsc", cwd=TYPESCRIPT)
    return TYPESCRIPT / "dist" / "stream-pages.js"


def test_buf_makes_typescript_stubs_that_read_a_document(
    typescript_client: Path, server_address: str, expected_output: list[str]
) -> None:
    client = run("node", typescript_client, f"http://{server_address}", LETTER)
    assert text_lines(client.stdout) == expected_output


def test_typescript_client_names_the_file_that_is_refused(
    typescript_client: Path, server_address: str
) -> None:
    client = run("node", typescript_client, f"http://{server_address}", NOT_A_DOCUMENT, expect=[1])
    assert client.stdout == ""
    assert client.stderr.startswith("InvalidArgument: 'letter.txt'")
    assert client.stderr.rstrip().endswith("(letter.txt)"), "the field of the BadRequest detail"


def test_typescript_type_check_refuses_an_option_that_does_not_exist(
    typescript_client: Path, tmp_path: Path
) -> None:
    wrong = TYPESCRIPT / "src" / "gen" / "wrong_option.ts"
    wrong.write_text(
        'import { createOCRClient, streamPages } from "../client.js";\n'
        'streamPages(createOCRClient("http://localhost"), [], { groupLine: true });\n'
    )
    try:
        checked = run(TYPESCRIPT / "node_modules/.bin/tsc", "--noEmit", cwd=TYPESCRIPT, expect=[1, 2])
    finally:
        wrong.unlink()
    assert "groupLine" in checked.stdout


@pytest.fixture(scope="module")
def cpp_client(googleapis: Path) -> Path:
    """clients/cpp, generated with plain protoc and compiled without optimisation, which takes half as long."""
    require_tools("cmake", "c++", "protoc", "grpc_cpp_plugin")
    build = ROOT / "build" / "cpp"
    run("cmake", "-S", "clients/cpp", "-B", build, "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0")
    run("cmake", "--build", build, "--parallel", str(os.cpu_count() or 1))
    return build / "stream_pages"


def test_cmake_makes_cpp_stubs_that_read_a_document(
    cpp_client: Path, server_address: str, expected_output: list[str]
) -> None:
    client = run(cpp_client, server_address, LETTER)
    assert text_lines(client.stdout) == expected_output


def test_cpp_client_says_which_file_is_refused(cpp_client: Path, server_address: str) -> None:
    client = run(cpp_client, server_address, NOT_A_DOCUMENT, expect=[1])
    assert client.stdout == ""
    assert client.stderr.startswith("doctr-serve: 'letter.txt'")
