"""What the catalog lists: docTR's architectures and the bundled models, by task and source of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from doctr_serve.catalog import doctr_weights

__all__ = [
    "ARCHITECTURES",
    "BUNDLED_ARCHITECTURES",
    "CatalogEntry",
    "ModelTask",
    "WeightsSource",
    "known_entries",
]


class ModelTask(StrEnum):
    """What a model does."""

    DETECTION = "detection"
    RECOGNITION = "recognition"
    PAGE_ORIENTATION = "page orientation"
    TEXT_ORIENTATION = "text orientation"
    LAYOUT = "layout"
    TABLE_STRUCTURE = "table structure"


class WeightsSource(StrEnum):
    """Where a model's weights come from."""

    DOCTR = "docTR"
    BUNDLED = "bundled"
    HUB = "hub"


@dataclass(frozen=True)
class CatalogEntry:
    """One model: an architecture with the weights of one source.

    Attributes:
        name: what a request calls it, e.g. ``db_resnet50`` or ``bundled/db_mobilenet_v3_large``.
        task: what it does.
        architecture: docTR's name of the architecture.
        source: where its weights come from.
    """

    name: str
    task: ModelTask
    architecture: str
    source: WeightsSource


ARCHITECTURES = {
    ModelTask.DETECTION: list(doctr_weights.DETECTION_URLS),
    ModelTask.RECOGNITION: list(doctr_weights.RECOGNITION_URLS),
    ModelTask.PAGE_ORIENTATION: list(doctr_weights.PAGE_ORIENTATION_URLS),
    ModelTask.TEXT_ORIENTATION: list(doctr_weights.TEXT_ORIENTATION_URLS),
    ModelTask.LAYOUT: list(doctr_weights.LAYOUT_URLS),
    ModelTask.TABLE_STRUCTURE: list(doctr_weights.TABLE_STRUCTURE_URLS),
}
"""docTR's names of the architectures that this server runs, per task."""

BUNDLED_ARCHITECTURES = {
    ModelTask.DETECTION: "db_mobilenet_v3_large",
    ModelTask.RECOGNITION: "crnn_mobilenet_v3_small",
    ModelTask.PAGE_ORIENTATION: "mobilenet_v3_small_page_orientation",
    ModelTask.TEXT_ORIENTATION: "mobilenet_v3_small_crop_orientation",
}
"""The architectures whose weights ship with the package, by task."""


def known_entries() -> list[CatalogEntry]:
    """Detection, recognition, page and text orientation, layout, tables; of each, docTR's models, then the bundled."""
    entries = []
    for task, architectures in ARCHITECTURES.items():
        entries += [CatalogEntry(name, task, name, WeightsSource.DOCTR) for name in architectures]
        if task in BUNDLED_ARCHITECTURES:
            bundled = BUNDLED_ARCHITECTURES[task]
            entries.append(CatalogEntry(f"bundled/{bundled}", task, bundled, WeightsSource.BUNDLED))
    return entries
