"""What the bundled models read, through real Envoy: the sample letter, straight and turned."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import httpx
import pytest
from doctr_serve.edge.config import EnvoyOptions
from PIL import Image
from support.rest_edge import words_of
from support.rest_server import run_envoy

SAMPLES = Path(__file__).parents[2] / "samples"
PAGES = [Counter(page.split()) for page in (SAMPLES / "letter.txt").read_text().split("\f")]


@pytest.fixture(scope="module")
def client(server_address):
    with (
        run_envoy(EnvoyOptions(upstreams=(server_address,))) as url,
        httpx.Client(base_url=url, timeout=240) as open_client,
    ):
        yield open_client


def read(client, name, content, **options):
    """POST /ocr with one file; returns its entries."""
    response = client.post("/ocr", files={"files": (name, content)}, params=options)
    response.raise_for_status()
    return response.json()


def share_right(entries, pages=PAGES):
    """The share of the pages' words that were read exactly."""
    right = sum(
        (Counter(word["value"] for word in words_of(entry)) & page).total()
        for entry, page in zip(entries, pages, strict=True)
    )
    return right / sum(page.total() for page in pages)


def turned_letter(degrees):
    """The first page of the letter, turned clockwise, as PNG."""
    file = io.BytesIO()
    with Image.open(SAMPLES / "letter.png") as letter:
        letter.convert("RGB").rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white").save(
            file, "PNG"
        )
    return file.getvalue()


@pytest.mark.parametrize(("name", "pages"), [("letter.png", PAGES[:1]), ("letter.pdf", PAGES)])
def test_the_words_of_a_clean_letter_come_back_right(client, name, pages):
    entries = read(client, name, (SAMPLES / name).read_bytes())
    assert share_right(entries, pages) >= 0.95


@pytest.mark.parametrize(("degrees", "angle"), [(90, 90), (180, 180), (270, -90)])
def test_a_turned_letter_is_found_turned_and_read_once_straightened(client, degrees, angle):
    options = {"detect_orientation": True, "straighten_pages": True}
    entries = read(client, "turned.png", turned_letter(degrees), **options)
    assert entries[0]["orientation"]["value"] == angle
    assert entries[0]["models"]["page_orientation_model"] == "bundled/mobilenet_v3_small_page_orientation"
    assert share_right(entries, PAGES[:1]) >= 0.9


def test_a_skewed_letter_is_read_once_straightened(client):
    entries = read(client, "skewed.png", turned_letter(20), straighten_pages=True)
    assert share_right(entries, PAGES[:1]) >= 0.85


def test_a_letter_laid_askew_is_read_in_polygons(client):
    entries = read(client, "skewed.png", turned_letter(3), assume_straight_pages=False)
    assert entries[0]["models"]["text_orientation_model"] == "bundled/mobilenet_v3_small_crop_orientation"
    geometries = [line["geometry"] for block in entries[0]["pages"][0]["blocks"] for line in block["lines"]]
    assert {len(geometry) for geometry in geometries} == {8}
    assert share_right(entries, PAGES[:1]) >= 0.85
