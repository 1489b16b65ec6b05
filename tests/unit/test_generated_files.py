"""What is generated from the source and committed is up to date."""

from __future__ import annotations

import re

import generate_docs
import generate_envoy
import pypdfium2 as pdfium
import pytest
from PIL import Image
from support.tools import ROOT

SAMPLES = ROOT / "samples"


def test_settings_table_of_the_readme_is_up_to_date() -> None:
    text = generate_docs.README.read_text(encoding="utf-8")
    assert text == generate_docs.with_table(text), "the settings table is stale: run `make docs`"


def test_settings_table_names_every_setting_with_its_default_and_meaning() -> None:
    table = generate_docs.settings_table()
    rows = {row.split("|")[1].strip(): row for row in table.splitlines() if row.startswith("| `")}
    assert set(rows) == {f"`DOCTR_SERVE_{name.upper()}`" for name in generate_docs.Settings.model_fields}
    assert all(cell.strip() for row in rows.values() for cell in row.strip("|").split("|"))
    assert "| `104857600` (100 MiB) |" in rows["`DOCTR_SERVE_MAX_REQUEST_BYTES`"]


def test_a_readme_without_the_markers_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"README\.md needs the lines"):
        generate_docs.with_table("# doctr-serve\n")


def test_routes_of_envoys_configuration_are_up_to_date() -> None:
    text = generate_envoy.ENVOY_YAML.read_text(encoding="utf-8")
    fresh = generate_envoy.with_routes(text, generate_envoy.SERVICE)
    assert text == fresh, "envoy/envoy.yaml is stale: run `make protos`"


@pytest.mark.parametrize("name", ["wrong parameters", "paths", "services", "verbs", "routes"])
def test_routes_are_written_between_markers_that_must_be_there(name: str) -> None:
    text = generate_envoy.ENVOY_YAML.read_text(encoding="utf-8")
    start = generate_envoy.START.format(name)
    stale = re.sub(
        rf"({re.escape(start)}).*?( *{re.escape(generate_envoy.END)})", r"\1\2", text, flags=re.DOTALL
    )
    assert stale != text
    assert generate_envoy.with_routes(stale, generate_envoy.SERVICE) == text

    with pytest.raises(ValueError, match=f"needs the lines '{re.escape(start.strip())}'"):
        generate_envoy.with_routes(text.replace(start, ""), generate_envoy.SERVICE)


def test_sample_letter_says_what_its_truth_text_says() -> None:
    truth = (SAMPLES / "letter.txt").read_text(encoding="utf-8").split("\f")
    with pdfium.PdfDocument(SAMPLES / "letter.pdf") as document:
        texts = [page.get_textpage().get_text_bounded() for page in document]
    assert [text.split() for text in texts] == [text.split() for text in truth]
    with Image.open(SAMPLES / "letter.png") as image:
        assert image.size == (1240, 1755), "A4 at 150 dpi"
