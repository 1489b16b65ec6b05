"""The addresses of docTR's weights are those of the installed docTR."""

from __future__ import annotations

import importlib

import pytest
from doctr.models.classification import zoo as classification_zoo
from doctr.models.detection import zoo as detection_zoo
from doctr.models.layout import zoo as layout_zoo
from doctr.models.recognition import zoo as recognition_zoo
from doctr.models.table_structure import zoo as table_structure_zoo
from doctr.utils import data
from doctr_serve.catalog import doctr_weights

MODULES = [
    *(f"detection.{name}" for name in ("differentiable_binarization", "linknet", "fast")),
    *(f"recognition.{name}" for name in ("crnn", "sar", "master", "vitstr", "parseq", "viptr")),
    "classification.mobilenet",
    "layout.lw_detr",
    "table_structure.tablecenternet",
]


def doctr_urls() -> dict[str, str | None]:
    """Address of every architecture, from docTR's own ``default_cfgs``; None of one without published weights."""
    configurations: dict[str, dict] = {}
    for module in MODULES:
        configurations |= importlib.import_module(f"doctr.models.{module}.pytorch").default_cfgs
    return {architecture: configuration["url"] for architecture, configuration in configurations.items()}


@pytest.mark.parametrize(
    ("urls", "architectures"),
    [
        (doctr_weights.DETECTION_URLS, detection_zoo.ARCHS),
        (doctr_weights.RECOGNITION_URLS, recognition_zoo.ARCHS),
        (
            doctr_weights.TEXT_ORIENTATION_URLS | doctr_weights.PAGE_ORIENTATION_URLS,
            classification_zoo.ORIENTATION_ARCHS,
        ),
        (doctr_weights.LAYOUT_URLS, layout_zoo.ARCHS),
        (doctr_weights.TABLE_STRUCTURE_URLS, table_structure_zoo.ARCHS),
    ],
    ids=["detection", "recognition", "orientation", "layout", "tables"],
)
def test_every_architecture_of_doctr_is_known_with_its_address(
    urls: dict[str, str], architectures: list[str]
) -> None:
    published = doctr_urls()
    assert urls == {architecture: published[architecture] for architecture in architectures}


@pytest.mark.parametrize("url", [url for url in doctr_urls().values() if url is not None])
def test_file_name_and_hash_are_derived_as_doctr_does(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    asked = []
    monkeypatch.setenv("DOCTR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(data, "_check_integrity", lambda path, prefix: asked.append((path, prefix)) or True)
    file_name = doctr_weights.file_name_of(url)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / file_name).touch()
    path = data.download_from_url(url, cache_subdir="models")
    assert asked == [(path, doctr_weights.sha256_prefix_of(file_name))]
    assert path == doctr_weights.doctr_cache_dir() / file_name
    assert len(doctr_weights.sha256_prefix_of(file_name)) == 8
