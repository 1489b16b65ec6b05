"""What must be known of a model besides how to run it: the form of its input, and what its output stands for."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doctr import models
from doctr.file_utils import CLASS_NAME

from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask, WeightsSource
from doctr_serve.errors import DoctrServeError, WeightsUnavailableError
from doctr_serve.inference.weights_file import read_metadata, unusable_weights

__all__ = ["ModelSpec", "describe", "expected_spec", "own_input_shape"]

MAX_CLASSES = 64
"""Of a detection model: each is a heat map, 4 MB of every page, that is looked through for boxes."""
MAX_CLASS_NAME_CHARACTERS = 255


@dataclass(frozen=True)
class ModelSpec:
    """A model as the stages around its forward see it.

    Attributes:
        entry: its catalog entry.
        input_shape: channels, height and width of one image of its input.
        mean: per channel, taken off the pixels (0 to 1) before a forward.
        std: per channel, by which the pixels are then divided.
        vocab: recognition: the characters that its outputs stand for, in order; empty otherwise.
        classes: what its outputs stand for: names of the kinds of boxes (detection), degrees (orientation), names of
            the kinds of regions (layout).
    """

    entry: CatalogEntry
    input_shape: tuple[int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    vocab: str = ""
    classes: tuple[str | int, ...] = ()

    @property
    def network_input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width that the network takes: a layout model's has the mask of the padding, too."""
        return _network_input_shape(self.entry, self.input_shape)


def describe(entry: CatalogEntry, catalog: Catalog) -> ModelSpec:
    """Returns the spec of a model: docTR's defaults of the architecture, and what its weights say otherwise.

    Recognition weights of ours name their vocabulary and input shape (safetensors metadata ``vocab`` and
    ``input_shape``, the latter as JSON), detection weights of several classes those (``class_names``, as JSON); a hub
    model has a configuration with the same keys. docTR writes no class names of detection models there: its
    ``push_to_hf_hub`` loses them.

    Raises:
        WeightsUnavailableError: the weights are missing or damaged, or of another architecture.
    """
    return _spec(entry, catalog, catalog.weights_path(entry))


def expected_spec(entry: CatalogEntry, catalog: Catalog) -> ModelSpec | None:
    """Returns the spec that a model would have, though its weights may be missing, and are not checked.

    Without weights docTR's models have docTR's defaults.

    Returns:
        The spec; None where nothing here says what it is, or the weights turn out to be damaged.
    """
    path = catalog.locate(entry)
    if path is None and entry.source is WeightsSource.BUNDLED:
        return None
    try:
        return _spec(entry, catalog, path)
    except DoctrServeError:
        return None


def own_input_shape(entry: CatalogEntry) -> tuple[int, int, int]:
    """Returns channels, height and width that the network of docTR's own model of this architecture takes."""
    return _network_input_shape(entry, tuple(_default_cfg(entry.architecture)["input_shape"]))


def _network_input_shape(entry: CatalogEntry, input_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    channels, height, width = input_shape
    return channels + (entry.task is ModelTask.LAYOUT), height, width


def _spec(entry: CatalogEntry, catalog: Catalog, path: Path | None) -> ModelSpec:
    cfg = dict(_default_cfg(entry.architecture))
    if path is not None:
        metadata = read_metadata(entry, path)
        _check_architecture(entry, metadata)
        cfg = {**cfg, **_trained_with(entry, metadata, path)}
    if entry.source is WeightsSource.HUB:
        cfg |= {
            name: value for name, value in catalog.hub_config(entry).doctr_cfg().items() if value is not None
        }
    return ModelSpec(
        entry,
        input_shape=tuple(cfg["input_shape"]),
        mean=tuple(cfg["mean"]),
        std=tuple(cfg["std"]),
        vocab=cfg["vocab"] if entry.task is ModelTask.RECOGNITION else "",
        classes=_classes(entry, cfg, path or Path(entry.name)),
    )


def _default_cfg(architecture: str) -> dict[str, Any]:
    """DocTR's ``default_cfgs`` of the module that defines the architecture."""
    return sys.modules[getattr(models, architecture).__module__].default_cfgs[architecture]


def _classes(entry: CatalogEntry, cfg: dict[str, Any], path: Path) -> tuple[str | int, ...]:
    match entry.task:
        case ModelTask.DETECTION:
            return _named_classes(entry, cfg.get("class_names", [CLASS_NAME]), path)
        case ModelTask.LAYOUT:
            return _named_classes(entry, cfg["class_names"], path)
        case ModelTask.RECOGNITION | ModelTask.TABLE_STRUCTURE:
            return ()
    return tuple(cfg["classes"])


def _named_classes(entry: CatalogEntry, names: Any, path: Path) -> tuple[str, ...]:
    """Returns the classes in the order of the network's outputs: docTR's constructors sort them."""
    if (
        not isinstance(names, list)
        or not 1 <= len(names) <= MAX_CLASSES
        or not all(isinstance(name, str) and 0 < len(name) <= MAX_CLASS_NAME_CHARACTERS for name in names)
        or len(set(names)) < len(names)
    ):
        raise unusable_weights(
            entry, path, f"goes with class_names that are no list of 1 to {MAX_CLASSES} different names"
        )
    return tuple(sorted(names))


def _check_architecture(entry: CatalogEntry, metadata: dict[str, str]) -> None:
    stated = metadata.get("architecture", entry.architecture)
    if stated != entry.architecture:
        raise WeightsUnavailableError(
            f"the weights of '{entry.name}' on this server are of the architecture '{stated}'; its operator "
            "replaces the file"
        )


def _trained_with(entry: CatalogEntry, metadata: dict[str, str], path: Path) -> dict[str, Any]:
    """What the metadata of a detection or recognition model's weights states."""
    if entry.task is ModelTask.DETECTION:
        return _class_names(entry, metadata, path)
    if entry.task is not ModelTask.RECOGNITION:
        return {}
    stated: dict[str, Any] = {"vocab": metadata["vocab"]} if "vocab" in metadata else {}
    if "input_shape" in metadata:
        try:
            channels, height, width = (int(side) for side in json.loads(metadata["input_shape"]))
        except (ValueError, TypeError) as error:
            raise unusable_weights(
                entry, path, "states an input shape that is no [channels, height, width]"
            ) from error
        stated["input_shape"] = (channels, height, width)
    return stated


def _class_names(entry: CatalogEntry, metadata: dict[str, str], path: Path) -> dict[str, Any]:
    if "class_names" not in metadata:
        return {}
    try:
        return {"class_names": json.loads(metadata["class_names"])}
    except ValueError as error:
        raise unusable_weights(entry, path, "states class_names that are no JSON") from error
