"""The contract is well formed, does not break its callers, and what is generated from it is up to date."""

from __future__ import annotations

import shutil
from pathlib import Path

import generate_protos
import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from support.tools import ROOT, TYPESCRIPT, require_file, require_tools, run

CONTRACT = Path("protos") / generate_protos.CONTRACT
HINT = "  // MIME type, for the caller's own use: the format is decided by content.\n"
STUBS = Path("doctr_serve/v1")


@pytest.fixture(scope="module")
def buf() -> Path:
    require_tools("node")
    return require_file(TYPESCRIPT / "node_modules" / ".bin" / "buf", "run npm ci in clients/typescript")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of everything buf reads, to be changed by the test."""
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    generate_protos.copy_googleapis(tmp_path / "build" / "googleapis")
    return tmp_path


def replace_once(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def breaking(buf: Path, workspace: Path, *, expect: int) -> str:
    against = ("--against", "protos/baseline.binpb")
    return run(buf, "breaking", "protos", *against, cwd=workspace, expect=[expect]).stdout


def test_contract_passes_buf_lint_and_format(buf: Path, workspace: Path) -> None:
    run(buf, "lint", cwd=workspace)
    run(buf, "format", "--diff", "--exit-code", "protos", cwd=workspace)


def test_lint_refuses_a_field_without_a_comment(buf: Path, workspace: Path) -> None:
    replace_once(workspace / CONTRACT, "  // Finds words.\n", "")
    replace_once(
        workspace / CONTRACT,
        "  // MIME type, for the caller's own use: the format is decided by content.\n",
        "",
    )
    found = run(buf, "lint", cwd=workspace, expect=[100]).stdout
    assert 'Field "content_type" should have a non-empty comment' in found
    assert 'Enum value "MODEL_TASK_DETECTION" should have a non-empty comment' in found


def test_contract_does_not_break_the_baseline(buf: Path, workspace: Path) -> None:
    assert breaking(buf, workspace, expect=0) == ""


def test_a_new_field_breaks_nothing(buf: Path, workspace: Path) -> None:
    replace_once(
        workspace / CONTRACT,
        "  bool continued = 5;",
        "  bool continued = 5;\n  // Notes.\n  string notes = 6;",
    )
    assert breaking(buf, workspace, expect=0) == ""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("string pdf_password = 4;", "string password = 4;", 'name from "pdf_password" to "password"'),
        ("bool available = 5;", "int32 available = 5;", 'from "bool" to "int32"'),
        ("bool loaded = 6;", "bool loaded = 99;", 'field "6" with name "loaded"'),
    ],
    ids=["renamed field", "changed type", "changed number"],
)
def test_breaking_check_refuses_a(buf: Path, workspace: Path, old: str, new: str, complaint: str) -> None:
    replace_once(workspace / CONTRACT, old, new)
    assert complaint in breaking(buf, workspace, expect=100)


def rest_paths(descriptor_set: Path) -> set[str]:
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set.read_bytes()).file
    rules = [
        method.options.Extensions[annotations_pb2.http]
        for file in files
        for service in file.service
        for method in service.method
    ]
    return {str(rule) for rule in rules if rule.WhichOneof("pattern")}


def test_rest_paths_of_the_baseline_still_exist() -> None:
    # buf compares no custom options, and google.api.http is one.
    baseline = rest_paths(ROOT / "protos" / "baseline.binpb")
    assert baseline, "the baseline has no REST paths"
    assert baseline <= rest_paths(generate_protos.DESCRIPTOR_SET)


def test_committed_python_stubs_are_up_to_date(tmp_path: Path) -> None:
    generate_protos.write_stubs(tmp_path)
    for name in ("ocr_pb2.py", "ocr_pb2.pyi", "ocr_pb2_grpc.py"):
        committed = (ROOT / "server" / STUBS / name).read_text(encoding="utf-8")
        generated = (tmp_path / STUBS / name).read_text(encoding="utf-8")
        assert committed == generated, f"{name} is stale: run `make protos`"


def test_committed_descriptor_set_is_up_to_date(tmp_path: Path) -> None:
    generate_protos.write_descriptor_set(tmp_path / "set.pb")
    committed, generated = (
        descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
        for path in (generate_protos.DESCRIPTOR_SET, tmp_path / "set.pb")
    )
    assert committed == generated, "envoy/ocr.descriptor.pb is stale: run `make protos`"


def test_descriptor_set_is_complete_and_knows_the_error_details() -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString(generate_protos.DESCRIPTOR_SET.read_bytes()).file
    names = {file.name for file in files}
    assert {dependency for file in files for dependency in file.dependency} <= names
    details = next(file for file in files if file.name == "google/rpc/error_details.proto")
    assert {"BadRequest", "RetryInfo", "ErrorInfo"} <= {message.name for message in details.message_type}
