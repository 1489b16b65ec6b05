"""Which models exist, what an unknown name is answered, and where weights are looked for."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask, WeightsSource, doctr_weights
from doctr_serve.catalog.download import Downloader
from doctr_serve.errors import UnknownModelError, WeightsDownloadError, WeightsUnavailableError
from doctr_serve.settings import Settings
from support.file_server import content, serve, status

# The REST contract's lists.
DETECTION = [
    *("db_resnet50", "db_resnet34", "db_mobilenet_v3_large"),
    *("linknet_resnet18", "linknet_resnet34", "linknet_resnet50"),
    *("fast_tiny", "fast_small", "fast_base"),
]
RECOGNITION = [
    *("crnn_vgg16_bn", "crnn_mobilenet_v3_small", "crnn_mobilenet_v3_large"),
    *("sar_resnet31", "master", "vitstr_small", "vitstr_base", "parseq", "viptr_tiny"),
]
PAGE, TEXT = "mobilenet_v3_small_page_orientation", "mobilenet_v3_small_crop_orientation"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """docTR's cache, empty; returns its folder of models."""
    monkeypatch.setenv("DOCTR_CACHE_DIR", str(tmp_path / "cache"))
    models = tmp_path / "cache" / "models"
    models.mkdir(parents=True)
    return models


def find(catalog: Catalog, name: str) -> CatalogEntry:
    return catalog.find_by_name(name, fetch=False)


def test_the_list_has_every_architecture_of_the_contract_in_its_order() -> None:
    assert [entry.name for entry in Catalog(Settings()).entries()] == [
        *DETECTION,
        "bundled/db_mobilenet_v3_large",
        *RECOGNITION,
        "bundled/crnn_mobilenet_v3_small",
        PAGE,
        f"bundled/{PAGE}",
        TEXT,
        f"bundled/{TEXT}",
        "lw_detr_s",
        "lw_detr_m",
        "tablecenternet",
    ]


def test_an_entry_says_task_architecture_and_source() -> None:
    catalog = Catalog(Settings())
    assert catalog.find("parseq", ModelTask.RECOGNITION, option="recognition_model") == CatalogEntry(
        "parseq", ModelTask.RECOGNITION, "parseq", WeightsSource.DOCTR
    )
    assert catalog.find(f"bundled/{PAGE}", ModelTask.PAGE_ORIENTATION, option="x") == CatalogEntry(
        f"bundled/{PAGE}", ModelTask.PAGE_ORIENTATION, PAGE, WeightsSource.BUNDLED
    )


def test_listing_the_models_imports_no_torch() -> None:
    code = (
        "import sys; from doctr_serve.catalog import Catalog; from doctr_serve.settings import Settings\n"
        "catalog = Catalog(Settings()); [catalog.is_available(entry) for entry in catalog.entries()]\n"
        "assert not {'torch', 'doctr', 'httpx', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("db_resnet5", "db_resnet50"),
        ("DB_ResNet50", "db_resnet50"),
        ("bundled/db_mobilenet", "bundled/db_mobilenet_v3_large"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_close_one_and_all_accepted_ones(
    name: str, suggestion: str
) -> None:
    with pytest.raises(UnknownModelError) as raised:
        Catalog(Settings()).find(name, ModelTask.DETECTION, option="detection_model")
    message = raised.value.message
    assert raised.value.field == "detection_model"
    assert message.startswith(f"detection_model '{name}' is unknown (did you mean '{suggestion}'?)")
    assert all(accepted in message for accepted in DETECTION)
    assert "crnn" not in message


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    with pytest.raises(UnknownModelError) as raised:
        Catalog(Settings()).find("tesseract", ModelTask.DETECTION, option="detection_model")
    assert "did you mean" not in raised.value.message


@pytest.mark.parametrize(
    "name", ["", "/", "a/b/c", "../db_resnet50", "bundled/../x", "a" * 100_000, "\0", "é"]
)
def test_odd_names_are_unknown_models_with_a_short_message(name: str) -> None:
    catalog = Catalog(Settings(allow_hub_models=True))
    with pytest.raises(UnknownModelError) as raised:
        catalog.find(name, ModelTask.RECOGNITION, option="recognition_model")
    assert len(raised.value.message) < 1000


def test_a_model_of_another_task_is_refused_saying_what_it_is() -> None:
    with pytest.raises(
        UnknownModelError, match="'crnn_vgg16_bn' is a recognition model; accepted are: db_"
    ) as raised:
        Catalog(Settings()).find("crnn_vgg16_bn", ModelTask.DETECTION, option="detection_model")
    assert raised.value.field == "detection_model"


def test_hub_models_are_refused_unless_the_operator_allows_them() -> None:
    with pytest.raises(UnknownModelError, match="ALLOW_HUB_MODELS"):
        Catalog(Settings()).find("organisation/model", ModelTask.DETECTION, option="detection_model")


@pytest.mark.parametrize(
    ("detection", "recognition", "page", "text"),
    [
        ("db_resnet50", "crnn_vgg16_bn", PAGE, TEXT),
        ("bundled/db_mobilenet_v3_large", "crnn_vgg16_bn", f"bundled/{PAGE}", TEXT),
        ("db_resnet50", "bundled/crnn_mobilenet_v3_small", PAGE, f"bundled/{TEXT}"),
        (
            "bundled/db_mobilenet_v3_large",
            "bundled/crnn_mobilenet_v3_small",
            f"bundled/{PAGE}",
            f"bundled/{TEXT}",
        ),
    ],
)
def test_orientation_classifiers_come_from_the_source_of_their_model(
    detection: str, recognition: str, page: str, text: str
) -> None:
    catalog = Catalog(Settings())
    companions = catalog.companions(find(catalog, detection), find(catalog, recognition))
    assert [entry.name for entry in companions] == [page, text]
    assert [entry.task for entry in companions] == [ModelTask.PAGE_ORIENTATION, ModelTask.TEXT_ORIENTATION]


def test_missing_weights_are_answered_with_the_command_that_fetches_them() -> None:
    catalog = Catalog(Settings())
    entry = find(catalog, "db_resnet50")
    assert not catalog.is_available(entry)
    with pytest.raises(WeightsUnavailableError, match="doctr-serve pull db_resnet50"):
        catalog.weights_path(entry)


def test_missing_bundled_weights_are_not_available_and_cannot_be_pulled(tmp_path: Path) -> None:
    catalog = Catalog(Settings(), bundled_dir=tmp_path)
    entry = find(catalog, "bundled/db_mobilenet_v3_large")
    assert not catalog.is_available(entry)
    for ask in (catalog.weights_path, lambda entry: catalog.pull(entry, progress=False)):
        with pytest.raises(WeightsUnavailableError, match="not part of this installation"):
            ask(entry)


def test_bundled_weights_are_never_taken_for_doctrs_nor_the_other_way_round(
    tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "bundled").mkdir()
    bundled_file = tmp_path / "bundled" / "db_mobilenet_v3_large.safetensors"
    bundled_file.write_bytes(b"bundled")
    catalog = Catalog(Settings(), bundled_dir=tmp_path / "bundled")
    assert catalog.weights_path(find(catalog, "bundled/db_mobilenet_v3_large")) == bundled_file
    assert not catalog.is_available(find(catalog, "db_mobilenet_v3_large"))

    bundled_file.unlink()
    (cache / "db_mobilenet_v3_large-21748dd0.pt").write_bytes(b"docTR's")
    assert catalog.is_available(find(catalog, "db_mobilenet_v3_large"))
    assert not catalog.is_available(find(catalog, "bundled/db_mobilenet_v3_large"))


def test_weights_dir_comes_before_the_cache_and_doctrs_file_name_before_plain_ones(
    tmp_path: Path, cache: Path
) -> None:
    weights_dir = tmp_path / "weights"
    weights_dir.mkdir()
    catalog = Catalog(Settings(weights_dir=weights_dir))
    entry = find(catalog, "db_resnet50")
    file_name = "db_resnet50-79bd7d70.pt"
    for path in (
        cache / file_name,
        weights_dir / "db_resnet50.pt",
        weights_dir / "db_resnet50.safetensors",
        weights_dir / file_name,
    ):
        path.write_bytes(b"x")
        assert catalog.locate(entry) == path


@pytest.fixture
def small_model(monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, str]:
    """A made-up published file for db_resnet50: its content, and its name with the right hash."""
    body = os.urandom(100_000)
    file_name = f"db_resnet50-{hashlib.sha256(body).hexdigest()[:8]}.pt"
    monkeypatch.setitem(
        doctr_weights._URLS, "db_resnet50", f"https://weights.invalid/models?id=v1/{file_name}&src=0"
    )
    return body, file_name


def publish(monkeypatch: pytest.MonkeyPatch, address: str, file_name: str) -> None:
    monkeypatch.setitem(doctr_weights._URLS, "db_resnet50", f"{address}/models?id=v1/{file_name}&src=0")


def local_downloader() -> Downloader:
    return Downloader(
        stall_timeout_s=5, max_bytes=1_000_000, max_attempts=2, first_backoff_s=0.01, allow_loopback_http=True
    )


def test_a_pulled_file_lands_in_doctrs_cache_and_doctr_finds_it_there(
    cache: Path, small_model: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from doctr.utils.data import download_from_url

    body, file_name = small_model
    with serve(content(body)) as server:
        publish(monkeypatch, server.address, file_name)
        catalog = Catalog(Settings(), downloader=local_downloader())
        entry = find(catalog, "db_resnet50")
        path = catalog.pull(entry, progress=False)
        assert path == cache / file_name == catalog.weights_path(entry)
        assert catalog.is_available(entry)
        assert catalog.pull(entry, progress=False) == path
        url = f"{server.address}/models?id=v1/{file_name}&src=0"
        assert download_from_url(url, cache_subdir="models") == path
    assert len(server.requests) == 1


def test_a_damaged_file_in_the_cache_is_refused_and_pulled_again(
    cache: Path, small_model: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body, file_name = small_model
    (cache / file_name).write_bytes(body[:-1])
    with serve(content(body)) as server:
        publish(monkeypatch, server.address, file_name)
        catalog = Catalog(Settings(), downloader=local_downloader())
        entry = find(catalog, "db_resnet50")
        with pytest.raises(WeightsUnavailableError, match=r"damaged.*doctr-serve pull db_resnet50") as raised:
            catalog.weights_path(entry)
        assert str(cache) not in raised.value.message
        assert not catalog.is_available(entry)
        catalog.pull(entry, progress=False)
    assert catalog.is_available(entry)
    assert catalog.weights_path(entry).read_bytes() == body


def test_a_damaged_file_in_weights_dir_is_refused_and_left_alone(
    tmp_path: Path, small_model: tuple[bytes, str]
) -> None:
    body, file_name = small_model
    (tmp_path / file_name).write_bytes(body[:-1])
    catalog = Catalog(Settings(weights_dir=tmp_path), downloader=local_downloader())
    entry = find(catalog, "db_resnet50")
    for ask in (catalog.weights_path, lambda entry: catalog.pull(entry, progress=False)):
        with pytest.raises(WeightsUnavailableError, match="replaces or removes that file in weights_dir"):
            ask(entry)
    assert (tmp_path / file_name).read_bytes() == body[:-1]


def test_a_file_is_hashed_once_and_again_when_it_changed(
    cache: Path, small_model: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    digest = hashlib.file_digest
    monkeypatch.setattr(
        hashlib, "file_digest", lambda file, name: hashed.append(file.name) or digest(file, name)
    )
    body, file_name = small_model
    (cache / file_name).write_bytes(body)
    catalog = Catalog(Settings())
    entry = find(catalog, "db_resnet50")
    for _ in range(3):
        catalog.weights_path(entry)
        assert catalog.is_available(entry)
    assert len(hashed) == 1
    (cache / file_name).write_bytes(body + b"more")
    with pytest.raises(WeightsUnavailableError, match="damaged"):
        catalog.weights_path(entry)
    assert len(hashed) == 2


def test_a_failed_pull_says_why_and_what_helps(
    cache: Path, small_model: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(status(404)) as server:
        publish(monkeypatch, server.address, small_model[1])
        catalog = Catalog(Settings(), downloader=local_downloader())
        with pytest.raises(WeightsDownloadError, match=r"answered 404.*weights_dir"):
            catalog.pull(find(catalog, "db_resnet50"), progress=False)
    assert not catalog.is_available(find(catalog, "db_resnet50"))


def test_the_downloader_follows_the_settings_and_accepts_no_plain_http(
    small_model: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body, file_name = small_model
    with serve(content(body)) as server:
        publish(monkeypatch, server.address, file_name)
        catalog = Catalog(Settings(download_attempts=1))
        with pytest.raises(WeightsDownloadError, match="only https is accepted"):
            catalog.pull(find(catalog, "db_resnet50"), progress=False)
    assert server.requests == []


def test_the_empty_file_that_a_failed_download_of_doctr_leaves_does_not_count(cache: Path) -> None:
    (cache / "db_resnet50-79bd7d70.pt").touch()
    catalog = Catalog(Settings())
    assert not catalog.is_available(find(catalog, "db_resnet50"))
