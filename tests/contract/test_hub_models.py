"""docTR models of the Hugging Face hub, through the real hub client, against a local server of its protocol."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import torch
from doctr import models
from doctr.models.classification.mobilenet import pytorch as mobilenet
from doctr.models.factory.hub import _save_model_and_config_for_hf_hub, from_hub
from doctr_serve.catalog import Catalog, License, ModelTask, WeightsSource
from doctr_serve.catalog.choice import ChosenModels
from doctr_serve.catalog.hub import MAX_CONFIG_BYTES, HubRepositories
from doctr_serve.catalog.licenses import MAX_CARD_BYTES
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.errors import (
    DeadlineExceeded,
    InvalidOptionError,
    RequestCancelled,
    UnknownModelError,
    WeightsDownloadError,
    WeightsUnavailableError,
)
from doctr_serve.inference.engine import OCREngine
from doctr_serve.inference.loading import load_model
from doctr_serve.inference.model_states import ModelState, model_states, named_entries
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.inference.vocabulary import Vocabulary
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from doctr_serve.stage import Stage
from support.file_server import FileServer, content, serve, status

pytestmark = pytest.mark.usefixtures("one_torch_thread")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LATER_COMMIT = "fedcba9876543210fedcba9876543210fedcba98"
NAME = "organisation/reader"
MIB = 1024 * 1024


def hub_answer(repository: Path, moved_to: Path | None = None):
    """Answers as the hub does for the files of one repository (HEAD and GET of ``resolve`` addresses).

    Args:
        repository: its files at ``COMMIT``.
        moved_to: its files on the main branch, where that has moved on since.
    """

    def answer(handler: BaseHTTPRequestHandler, server: FileServer) -> None:
        name, _, rest = handler.path.removeprefix("/").partition("/resolve/")
        revision, _, file_name = rest.partition("/")
        moved = moved_to is not None and revision != COMMIT
        path = (moved_to if moved else repository) / file_name
        if name != NAME:
            status(404, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")(handler, server)
        elif not path.is_file():
            status(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)(handler, server)
        else:
            body = path.read_bytes()
            handler.extra_headers = {
                "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
                "X-Repo-Commit": LATER_COMMIT if moved else COMMIT,
            }
            content(body)(handler, server)

    return answer


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository as docTR's ``push_to_hf_hub`` fills it: a recogniser of digits."""
    directory = tmp_path_factory.mktemp("pushed")
    torch.manual_seed(5)
    model = models.crnn_mobilenet_v3_small(pretrained=False, pretrained_backbone=False, vocab="0123456789")
    model.cfg["mean"], model.cfg["std"] = (0.5, 0.4, 0.3), (0.3, 0.2, 0.1)
    _save_model_and_config_for_hf_hub(
        model, str(directory), arch="crnn_mobilenet_v3_small", task="recognition"
    )
    return directory


@pytest.fixture
def repository(pushed: Path, tmp_path: Path) -> Path:
    """A copy of the repository, for the test to change."""
    return Path(shutil.copytree(pushed, tmp_path / "repository"))


@pytest.fixture
def hub(repository: Path) -> Iterator[FileServer]:
    """The hub, with that repository."""
    with serve(hub_answer(repository)) as server:
        yield server


def catalog_of(address: str, tmp_path: Path, *, max_bytes: int = 100 * MIB, **settings) -> Catalog:
    repositories = HubRepositories(
        timeout_s=5, max_bytes=max_bytes, endpoint=address, cache_dir=tmp_path / "hub-cache"
    )
    return Catalog(Settings(**{"allow_hub_models": True, **settings}), hub=repositories)


def test_a_hub_model_is_what_doctrs_from_hub_loads(
    hub: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # from_hub downloads a pretrained backbone from the internet, only to load the model's weights over it.
    monkeypatch.setattr(mobilenet, "load_pretrained_params", lambda *_, **__: None)
    catalog = catalog_of(hub.address, tmp_path)
    entry = catalog.find_by_name(NAME)
    assert (entry.task, entry.architecture, entry.source) == (
        ModelTask.RECOGNITION,
        "crnn_mobilenet_v3_small",
        WeightsSource.HUB,
    )
    assert not catalog.is_available(entry)
    catalog.pull(entry, progress=False)
    assert catalog.is_available(entry)
    model = load_model(entry, catalog)

    expected = from_hub(NAME, endpoint=hub.address, cache_dir=tmp_path / "doctr-cache").eval()
    assert model.vocab == expected.vocab == "0123456789"
    assert {key: value for key, value in model.cfg.items() if key not in ("mean", "std", "input_shape")} == {
        key: value for key, value in expected.cfg.items() if key not in ("mean", "std", "input_shape")
    }
    for key in ("mean", "std", "input_shape"):
        assert list(model.cfg[key]) == expected.cfg[key]
    image = torch.rand((1, 3, 32, 128), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        answers = [network(image, return_model_output=True)["out_map"] for network in (model, expected)]
    assert torch.equal(*answers)


def test_once_pulled_a_hub_model_is_found_and_loaded_without_the_hub(hub: FileServer, tmp_path: Path) -> None:
    catalog = catalog_of(hub.address, tmp_path)
    catalog.pull(catalog.find_by_name(NAME), progress=False)
    asked = len(hub.requests)
    offline = catalog_of("http://127.0.0.1:9", tmp_path)
    entry = offline.find(NAME, ModelTask.RECOGNITION, option="recognition_model")
    load_model(entry, offline)
    assert offline.pull(entry, progress=False) == offline.weights_path(entry)
    assert len(hub.requests) == asked


def test_weights_come_from_the_revision_of_the_configuration_though_the_hub_moved_on(
    hub: FileServer, repository: Path, tmp_path: Path
) -> None:
    entry = catalog_of(hub.address, tmp_path).find_by_name(NAME)
    later = tmp_path / "later"
    later.mkdir()
    (later / "pytorch_model.bin").write_bytes(b"weights of another vocabulary")
    with serve(hub_answer(repository, moved_to=later)) as moved:
        catalog = catalog_of(moved.address, tmp_path)
        path = catalog.pull(entry, progress=False)
    assert path.read_bytes() == (repository / "pytorch_model.bin").read_bytes()
    assert catalog.is_available(entry)


def test_a_request_for_a_hub_model_that_is_not_here_asks_nobody(hub: FileServer, tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match=f"doctr-serve pull {NAME}"):
        catalog_of(hub.address, tmp_path).find(NAME, ModelTask.RECOGNITION, option="recognition_model")
    assert hub.requests == []


def test_with_download_on_demand_a_request_asks_the_hub(hub: FileServer, tmp_path: Path) -> None:
    catalog = catalog_of(hub.address, tmp_path, download_on_demand=True)
    assert catalog.find(NAME, ModelTask.RECOGNITION, option="recognition_model").name == NAME


def test_a_hub_model_of_another_task_is_refused(hub: FileServer, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="is a recognition model") as raised:
        catalog_of(hub.address, tmp_path).find(
            NAME, ModelTask.DETECTION, option="detection_model", fetch=True
        )
    assert raised.value.field == "detection_model"


def test_hub_models_are_not_asked_for_when_they_are_not_allowed(hub: FileServer, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="does not allow"):
        catalog_of(hub.address, tmp_path, allow_hub_models=False).find_by_name(NAME)
    assert hub.requests == []


def test_a_name_the_hub_does_not_know_is_an_unknown_model(hub: FileServer, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="the hub has no such model"):
        catalog_of(hub.address, tmp_path).find_by_name("organisation/other")


def test_a_repository_without_weights_is_refused(hub: FileServer, repository: Path, tmp_path: Path) -> None:
    (repository / "pytorch_model.bin").unlink()
    catalog = catalog_of(hub.address, tmp_path)
    with pytest.raises(UnknownModelError, match=r"no pytorch_model\.bin"):
        catalog.pull(catalog.find_by_name(NAME), progress=False)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"arch": "bert"}, "has the architecture 'bert'"),
        ({"arch": "vit_b", "task": "classification"}, "has the architecture 'vit_b'"),
        ({"arch": None}, "is no docTR model"),
        ({"input_shape": [3, 32]}, "is no docTR model"),
        ({"input_shape": [3, 32, 1_000_000]}, "is no docTR model"),
        ({"input_shape": [3, 4096, 4096]}, "is no docTR model"),
        ({"input_shape": [4096, 32, 128]}, "is no docTR model"),
        ({"mean": "0.5"}, "is no docTR model"),
        ({"mean": [0.5, float("nan"), 0.5]}, "is no docTR model"),
        ({"mean": [0.5, float("-inf"), 0.5]}, "is no docTR model"),
        ({"std": [0, 0, 0]}, "is no docTR model"),
        ({"std": [0.1, 0.1, -0.1]}, "is no docTR model"),
        ({"std": [0.1, 0.1, 1e-300]}, "is no docTR model"),
        ({"std": [0.1, 0.1, float("inf")]}, "is no docTR model"),
        ({"vocab": "ab\ud800"}, "is no docTR model"),
    ],
)
def test_a_repository_that_is_no_ocr_model_of_doctr_is_refused(
    change: dict, problem: str, hub: FileServer, repository: Path, tmp_path: Path
) -> None:
    config = json.loads((repository / "config.json").read_text())
    (repository / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UnknownModelError, match=problem):
        catalog_of(hub.address, tmp_path).find_by_name(NAME)


def test_a_configuration_that_nests_without_end_is_no_doctr_model(
    hub: FileServer, repository: Path, tmp_path: Path
) -> None:
    config = (repository / "config.json").read_text().rstrip().removesuffix("}")
    (repository / "config.json").write_text(f'{config}, "x": {"[" * 200_000}{"]" * 200_000}}}')
    with pytest.raises(UnknownModelError, match="is no docTR model"):
        catalog_of(hub.address, tmp_path).find_by_name(NAME)


def test_a_configuration_larger_than_configurations_are_is_left_on_the_hub(
    hub: FileServer, repository: Path, tmp_path: Path
) -> None:
    with (repository / "config.json").open("a") as file:
        file.write(" " * MAX_CONFIG_BYTES)
    with pytest.raises(WeightsDownloadError, match=f"such a file may be .{MAX_CONFIG_BYTES} bytes"):
        catalog_of(hub.address, tmp_path).find_by_name(NAME)
    assert {method for method, _, _ in hub.requests} == {"HEAD"}


def test_a_configuration_in_the_cache_larger_than_configurations_are_is_not_read(
    hub: FileServer, tmp_path: Path
) -> None:
    catalog = catalog_of(hub.address, tmp_path)
    catalog.find_by_name(NAME)
    (path,) = (tmp_path / "hub-cache").rglob("config.json")
    with path.open("a") as file:
        file.write(" " * MAX_CONFIG_BYTES)
    with pytest.raises(UnknownModelError, match="is no docTR model"):
        catalog.find_by_name(NAME)


def test_a_configuration_is_parsed_once_and_again_when_its_file_changed(
    hub: FileServer, tmp_path: Path
) -> None:
    catalog = catalog_of(hub.address, tmp_path)
    entry = catalog.find_by_name(NAME)
    first = catalog.hub_config(entry)
    assert catalog.hub_config(entry) is first
    (path,) = (tmp_path / "hub-cache").rglob("config.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"vocab": "abcdef"}))
    assert catalog.hub_config(entry).vocab == "abcdef"


def test_a_hub_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    with pytest.raises(WeightsDownloadError, match="could not be fetched from the Hugging Face hub"):
        catalog_of("http://127.0.0.1:9", tmp_path).find_by_name(NAME)


def test_a_file_over_the_size_limit_is_not_downloaded(hub: FileServer, tmp_path: Path) -> None:
    catalog = catalog_of(hub.address, tmp_path, max_bytes=MIB)
    entry = catalog.find_by_name(NAME)
    with pytest.raises(WeightsDownloadError, match="larger than max_download_bytes"):
        catalog.pull(entry, progress=False)
    assert not catalog.is_available(entry)


class _WritesAFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_weights_from_the_hub_cannot_run_code(hub: FileServer, repository: Path, tmp_path: Path) -> None:
    (repository / "pytorch_model.bin").write_bytes(
        pickle.dumps({"x": _WritesAFile(tmp_path / "ran")}, protocol=2)
    )
    catalog = catalog_of(hub.address, tmp_path)
    entry = catalog.find_by_name(NAME)
    catalog.pull(entry, progress=False)
    with pytest.raises(WeightsUnavailableError, match="cannot be read"):
        load_model(entry, catalog)
    assert not (tmp_path / "ran").exists()


def test_orientation_of_a_hub_pair_comes_from_doctr(hub: FileServer, tmp_path: Path) -> None:
    catalog = catalog_of(hub.address, tmp_path)
    entry = catalog.find_by_name(NAME)
    assert [companion.source for companion in catalog.companions(entry, entry)] == [WeightsSource.DOCTR] * 2


def listed(catalog: Catalog) -> ModelState:
    """What a server whose default recogniser is the hub's model would tell of it."""
    entries = named_entries(catalog, [NAME])
    states = model_states(entries, catalog, TorchRuntime(catalog), lambda entry: None)
    return next(state for state in states if state.entry.name == NAME)


@pytest.mark.parametrize(
    ("card", "spdx_id"),
    [
        ("---\nlicense: apache-2.0\n---\nRead me.", "Apache-2.0"),
        ("---\nlicense: openrail\n---\n", ""),
        ("---\nlicense: [mit, other]\n---\n", ""),
        ("---\nlicense: &a mit\nother: *a\n---\n", "MIT"),
        ("---\nlicense: 5\n---\n", None),
        ("---\nlicense: {mit: 1}\n---\n", None),
        ("---\nlicense: [[mit]]\n---\n", None),
        (f"---\nlicense: {'x' * 201}\n---\n", None),
        (f"---\nlicense: [{'mit, ' * 11}]\n---\n", None),
        (f"---\nx: {'[' * 20_000}{']' * 20_000}\nlicense: mit\n---\n", None),
        ("---\nlanguage: en\n---\n", None),
        ("---\nlicense: [\n---\n", None),
        ("no metadata", None),
        (None, None),
    ],
)
def test_the_list_tells_of_a_hub_model_what_its_card_and_configuration_state(
    hub: FileServer, repository: Path, tmp_path: Path, card: str | None, spdx_id: str | None
) -> None:
    if card is not None:
        (repository / "README.md").write_text(card)
    catalog = catalog_of(hub.address, tmp_path)
    catalog.pull(catalog.find_by_name(NAME), progress=False)
    asked = len(hub.requests)
    state = listed(catalog)
    assert state.available
    assert state.vocabulary == Vocabulary("digits", 10, ())
    assert state.spec.input_shape == (3, 32, 128)
    assert state.license == (None if spdx_id is None else License(spdx_id, f"{hub.address}/{NAME}"))
    assert len(hub.requests) == asked


def bomb(first: str, layer: str, then: str) -> str:
    """A card of some hundred bytes whose YAML, where its aliases are taken for what they stand for, has 10^9 parts."""
    lines = [first, *(layer.format(n=n, of=", ".join([f"*a{n - 1}"] * 10)) for n in range(1, 10)), then]
    return "\n".join(["---", *lines, "---", ""])


@pytest.mark.parametrize(
    ("card", "spdx_id"),
    [
        (bomb("a0: &a0 [x]", "a{n}: &a{n} [{of}]", "license: *a9"), None),
        (bomb("a0: &a0 [x]", "a{n}: &a{n} [{of}]", "license: mit"), "MIT"),
        (bomb("a0: &a0 {x: 1}", "a{n}: &a{n} {{<<: [{of}]}}", "license: mit"), "MIT"),
    ],
    ids=["license is the bomb", "lists", "merges"],
)
def test_a_card_whose_aliases_multiply_costs_no_more_than_its_bytes(
    card: str, spdx_id: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "README.md"
    path.write_text(card)
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from doctr_serve.catalog.licenses import License, stated_in_card\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "stated = stated_in_card(Path(sys.argv[1]))\n"
        "print(stated and License.of(stated, '').spdx_id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], check=True, timeout=30, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(spdx_id)


@pytest.mark.parametrize("stated", [["mit"] * 11, "x" * 201, 5, {"mit": 1}])
def test_what_a_configuration_states_that_is_no_licence_counts_as_nothing(
    stated: object, hub: FileServer, repository: Path, tmp_path: Path
) -> None:
    config = json.loads((repository / "config.json").read_text())
    (repository / "config.json").write_text(json.dumps(config | {"license": stated}))
    catalog = catalog_of(hub.address, tmp_path)
    catalog.pull(catalog.find_by_name(NAME), progress=False)
    assert listed(catalog).license is None


def test_a_configuration_may_state_the_licence(hub: FileServer, repository: Path, tmp_path: Path) -> None:
    config = json.loads((repository / "config.json").read_text())
    (repository / "config.json").write_text(json.dumps(config | {"license": "mit"}))
    catalog = catalog_of(hub.address, tmp_path)
    catalog.pull(catalog.find_by_name(NAME), progress=False)
    assert listed(catalog).license.spdx_id == "MIT"


def test_a_card_larger_than_cards_are_is_left_on_the_hub(
    hub: FileServer, repository: Path, tmp_path: Path
) -> None:
    (repository / "README.md").write_text("---\nlicense: mit\n---\n" + "x" * MAX_CARD_BYTES)
    catalog = catalog_of(hub.address, tmp_path)
    catalog.pull(catalog.find_by_name(NAME), progress=False)
    state = listed(catalog)
    assert (state.available, state.license) == (True, None)


def test_a_hub_model_that_is_not_here_is_not_listed(hub: FileServer, tmp_path: Path) -> None:
    names = [entry.name for entry in named_entries(catalog_of(hub.address, tmp_path), [NAME])]
    assert NAME not in names
    assert "db_resnet50" in names


def engine_of(catalog: Catalog, **settings) -> OCREngine:
    return OCREngine(Settings(allow_hub_models=True, download_on_demand=True, **settings), catalog=catalog)


def choose(engine: OCREngine, interrupt: Interrupt | None = None, **options) -> ChosenModels:
    """The models of a request that reads pictures of words with the hub's model."""
    asked = replace(ReadingOptions.defaults(Settings()), recognition_model=NAME, **options)
    return engine.choose(asked, interrupt or Interrupt(), Stage.RECOGNITION)


@pytest.mark.parametrize("stop", ["cancelled", "out of time"])
def test_a_request_that_is_stopped_does_not_wait_for_the_hubs_word(stop: str, tmp_path: Path) -> None:
    asked, let_go = threading.Event(), threading.Event()

    def silent(handler: BaseHTTPRequestHandler, server: FileServer) -> None:
        asked.set()
        let_go.wait(30)
        status(404)(handler, server)

    interrupt = Interrupt(timeout_s=1 if stop == "out of time" else None)
    with serve(silent) as server, ThreadPoolExecutor(1) as pool:
        engine = engine_of(catalog_of(server.address, tmp_path))
        try:
            waiting = pool.submit(choose, engine, interrupt)
            assert asked.wait(20)
            if stop == "cancelled":
                interrupt.cancel()
            with pytest.raises(RequestCancelled if stop == "cancelled" else DeadlineExceeded):
                waiting.result(4)  # the hub has 5 s
        finally:
            let_go.set()
            engine.close()


def test_on_demand_a_request_gets_the_hubs_model_and_the_next_one_asks_nobody(
    hub: FileServer, tmp_path: Path
) -> None:
    engine = engine_of(catalog_of(hub.address, tmp_path))
    (entry,) = choose(engine).entries()
    assert (entry.name, entry.source) == (NAME, WeightsSource.HUB)
    asked = len(hub.requests)
    choose(engine)
    assert len(hub.requests) == asked
    engine.close()


def test_on_demand_what_the_hub_does_not_know_is_named_with_its_option(
    hub: FileServer, repository: Path, tmp_path: Path
) -> None:
    (repository / "config.json").unlink()
    engine = engine_of(catalog_of(hub.address, tmp_path))
    with pytest.raises(UnknownModelError, match="the hub has no such model") as raised:
        choose(engine)
    assert raised.value.field == "recognition_model"
    engine.close()


def test_a_configuration_whose_batches_outgrow_the_memory_for_work_is_refused_before_anything_is_loaded(
    hub: FileServer, repository: Path, tmp_path: Path
) -> None:
    config = json.loads((repository / "config.json").read_text())
    (repository / "config.json").write_text(json.dumps(config | {"input_shape": [3, 1024, 4096]}))
    engine = engine_of(catalog_of(hub.address, tmp_path), request_memory_bytes=1024 * MIB)
    with pytest.raises(InvalidOptionError, match=r"set recognition_batch_size to 5 or less") as raised:
        choose(engine, recognition_batch_size=128)
    assert raised.value.field == "recognition_batch_size"
    choose(engine, recognition_batch_size=5)
    engine.close()
