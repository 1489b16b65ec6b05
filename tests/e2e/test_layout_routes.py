"""Layout and tables over REST, in the clients and on the command line."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from doctr_serve.catalog.catalog import BUNDLED_DIR
from doctr_serve.edge.config import EnvoyOptions
from doctr_serve_client import AsyncOCRClient, OCRClient, to_dict
from support.pages import letter, png
from support.rest_server import run_envoy
from support.samples import LETTER
from support.server import DETECTION_MODEL, RECOGNITION_MODEL
from support.tools import run
from support.watched import watched_service
from support.weights import finding_layout_weights, finding_table_weights

PAGE = letter(textwrap.fill(LETTER, 34)[:700], font_pixels=30)
FILE = ("page.png", png(PAGE))
ENTRIES = {"/layout": {"name", "layout", "dimensions"}, "/tables": {"name", "tables", "dimensions"}}
COMMON = {"page_number", "page_count", "models", "warnings"}
CELL = {"value", "geometry", "confidence", "row_start", "row_end", "col_start", "col_end"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a server that has weights of layout and tables."""
    directory = tmp_path_factory.mktemp("weights")
    for name in (DETECTION_MODEL, RECOGNITION_MODEL):
        (directory / f"{name}.safetensors").symlink_to(BUNDLED_DIR / f"{name}.safetensors")
    finding_layout_weights(directory, [PAGE])
    finding_table_weights(directory, [PAGE[60:360, 40:290], PAGE[300:700, 100:500]])
    with watched_service(directory) as watched:
        yield watched.service.address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with (
        run_envoy(EnvoyOptions(upstreams=(address,))) as url,
        httpx.Client(base_url=url, timeout=120) as client,
    ):
        yield client


def ask(client: httpx.Client, path: str, **parameters: Any) -> list[dict[str, Any]]:
    response = client.post(path, files=[("files", FILE)], params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("path", ENTRIES)
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_entry_has_its_fields(path: str, slash: str, client: httpx.Client) -> None:
    (entry,) = ask(client, path + slash)
    assert set(entry) == ENTRIES[path] | COMMON
    assert entry["dimensions"] == list(PAGE.shape[:2])


def test_regions_and_cells_have_all_their_fields_zeros_included(client: httpx.Client) -> None:
    (entry,) = ask(client, "/ocr", detect_tables="true")
    assert entry["layout"]
    for element in entry["layout"]:
        assert set(element) == {"type", "geometry", "confidence"}
        assert len(element["geometry"]) == 4
    assert entry["tables"]
    for table in entry["tables"]:
        assert set(table) == {"num_rows", "num_cols", "geometry", "confidence", "cells"}
        for cell in table["cells"]:
            assert set(cell) == CELL
            assert 0 <= cell["row_start"] <= cell["row_end"] < table["num_rows"]
            assert 0 <= cell["col_start"] <= cell["col_end"] < table["num_cols"]
    assert (entry["models"]["layout_model"], entry["models"]["table_model"]) == (
        "lw_detr_s",
        "tablecenternet",
    )


def test_layout_and_tables_alone_are_those_of_ocr(client: httpx.Client) -> None:
    (whole,) = ask(client, "/ocr", detect_tables="true")
    assert ask(client, "/layout")[0]["layout"] == whole["layout"]
    assert ask(client, "/tables")[0]["tables"] == whole["tables"]
    (fields,) = ask(client, "/kie", detect_tables="true")
    assert (fields["layout"], fields["tables"]) == (whole["layout"], whole["tables"])


def test_an_option_with_several_values_is_given_several_times(client: httpx.Client) -> None:
    ignored = [("detect_layout", "true"), ("ignore_regions", "Text"), ("ignore_regions", "Title")]
    response = client.post("/ocr", files=[("files", FILE)], params=ignored)
    assert response.status_code == 200, response.text
    unknown = client.post("/ocr", files=[("files", FILE)], params=[*ignored, ("ignore_regions", "Dragon")])
    assert unknown.status_code == 400
    assert "'Dragon' is no region" in unknown.json()["message"]


@pytest.mark.parametrize("path", ENTRIES)
def test_weights_that_do_not_exist_are_said_so(path: str, client: httpx.Client) -> None:
    response = client.post(path, files=[("files", FILE)], params={"layout_model": "lw_detr_m"})
    assert response.status_code == 400
    assert response.json()["code"] == 9  # FAILED_PRECONDITION
    assert "no weights of 'lw_detr_m'" in response.json()["message"]


async def test_the_python_clients_give_what_rest_gives(
    client: httpx.Client, address: str, tmp_path: Path
) -> None:
    path = tmp_path / FILE[0]
    path.write_bytes(FILE[1])
    with OCRClient(address, timeout_s=120) as python:
        results = [*python.detect_layout(path), *python.extract_tables(path)]
    async with AsyncOCRClient(address, timeout_s=120) as python:
        own = [result async for result in python.detect_layout(path)]
        own += [result async for result in python.extract_tables(path, box_threshold=0.1)]
    assert own == results
    entries = ask(client, "/layout") + ask(client, "/tables")
    shapes = [[len(entry.get("layout", [])), len(entry.get("tables", []))] for entry in entries]
    assert [
        [len(entry.get("layout", [])), len(entry.get("tables", []))] for entry in map(to_dict, results)
    ] == shapes


@pytest.mark.parametrize("command", ["layout", "tables"])
def test_the_command_prints_lines_or_json(
    command: str, address: str, client: httpx.Client, tmp_path: Path
) -> None:
    path = tmp_path / FILE[0]
    path.write_bytes(FILE[1])
    ours = [sys.executable, "-m", "doctr_serve", command, str(path), "--server", address]
    lines = run(*ours).stdout.splitlines()
    (entry,) = json.loads(run(*ours, "--format", "json").stdout)
    if command == "layout":
        assert [line.split("\t")[0] for line in lines] == [element["type"] for element in entry["layout"]]
    else:
        rows = [line.split("\t") for line in lines if line]
        assert len(rows) == sum(table["num_rows"] for table in entry["tables"])
