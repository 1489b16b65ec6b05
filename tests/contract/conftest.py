"""One set of weights and one server for all contract tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doctr_serve.catalog import BUNDLED_DIR
from support.pages import letter, skewed, two_columns
from support.server import DETECTION_MODEL, RECOGNITION_MODEL, Service, running, settings_for
from support.watched import Watched, watched_service
from support.weights import ORIENTATION_ARCHITECTURES, random_weights_dir, undecided_orientation_checkpoint

RANDOM_ARCHITECTURES = ("fast_tiny", "crnn_mobilenet_v3_large")


@pytest.fixture(scope="session")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled pair under docTR's names, orientation classifiers, and random weights of another pair."""
    directory = random_weights_dir(tmp_path_factory.mktemp("weights"), RANDOM_ARCHITECTURES)
    for name in (DETECTION_MODEL, RECOGNITION_MODEL):
        (directory / f"{name}.safetensors").symlink_to(BUNDLED_DIR / f"{name}.safetensors")
    pages = [letter(), two_columns(), skewed()]
    crops = [pages[0][top : top + 40, 50:150] for top in range(40, 440, 25)]
    for architecture, images in zip(ORIENTATION_ARCHITECTURES, (pages, crops), strict=True):
        undecided_orientation_checkpoint(directory, architecture, images)
    return directory


@pytest.fixture(scope="session")
def service(weights_dir: Path) -> Iterator[Service]:
    """One warm server for every test that only sends requests; it believes the orientation classifier as docTR does."""
    with running(
        settings_for(weights_dir, max_concurrent_requests=4, min_orientation_confidence=0.0)
    ) as running_service:
        yield running_service


@pytest.fixture(scope="session")
def _shared_watched(weights_dir: Path) -> Iterator[Watched]:
    with watched_service(weights_dir, max_concurrent_requests=2) as watched:
        yield watched


@pytest.fixture
def watched(_shared_watched: Watched) -> Iterator[Watched]:
    """A cheap server, idle at the start of the test and at its end; nothing blocks in it unless the test says so."""
    with _shared_watched.lent() as lent:
        yield lent
