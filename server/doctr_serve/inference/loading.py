"""A catalog entry -> a docTR model with exactly its weights, or an error; never a model with random ones."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from doctr import models
from doctr.models.detection.fast.pytorch import FAST, reparameterize
from safetensors import SafetensorError, safe_open

from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask, WeightsSource
from doctr_serve.errors import WeightsUnavailableError

__all__ = ["load_model"]

# docTR's published PARSeq weights still hold layers that docTR dropped; its own loader skips them too.
# Source: PARSeq.from_pretrained in doctr/models/recognition/parseq/pytorch.py, https://github.com/mindee/doctr/issues/1911
_DROPPED_LAYERS = {
    "parseq": frozenset(
        f"decoder.{layer}.{parameter}"
        for layer in ("attention_norm", "cross_attention_norm")
        for parameter in ("weight", "bias")
    )
}


def load_model(entry: CatalogEntry, catalog: Catalog) -> torch.nn.Module:
    """Builds the entry's architecture and loads its weights, all of them and nothing else.

    Args:
        entry: the model.
        catalog: where its weights are.

    Returns:
        The docTR model: float32, on the CPU, in eval mode, without gradients. Its vocabulary and input shape are
        those the weights were trained with (safetensors metadata ``vocab`` and ``input_shape``, the latter as
        JSON; a hub model's configuration), docTR's defaults of the architecture where the file does not say.
        FAST models are reparameterized, as docTR's ``detection_predictor`` does.

    Raises:
        WeightsUnavailableError: the weights are missing, damaged, or do not fit the architecture.
    """
    path = catalog.weights_path(entry)
    state, metadata = _read_weights(entry, path)
    model = _build(entry, catalog, metadata, path)
    _load_strictly(entry, model, state, path)
    if isinstance(model, FAST):
        model = reparameterize(model)
    return model.eval().requires_grad_(False)


def _read_weights(entry: CatalogEntry, path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """State dict (CPU tensors in the file's own dtype) and metadata (empty for .pt and .bin files)."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt", device="cpu") as file:
                return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
        # weights_only: a pickle of another origin must not run code (torch's documentation of torch.load).
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise _unusable(entry, path, "cannot be read: it is damaged or no file of weights") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise _unusable(entry, path, "is not a plain state dict")
    return dict(state), {}


def _build(entry: CatalogEntry, catalog: Catalog, metadata: dict[str, str], path: Path) -> torch.nn.Module:
    if metadata.get("architecture", entry.architecture) != entry.architecture:
        raise WeightsUnavailableError(
            f"the weights of '{entry.name}' on this server are of the architecture "
            f"'{metadata['architecture']}'; its operator replaces the file"
        )
    options: dict[str, Any] = {"pretrained": False}
    if entry.task in (ModelTask.DETECTION, ModelTask.RECOGNITION):
        options |= {"pretrained_backbone": False, "exportable": False}
    config = catalog.hub_config(entry) if entry.source is WeightsSource.HUB else None
    if entry.task is ModelTask.RECOGNITION:
        if config is not None and config.vocab is not None:
            options |= {"vocab": config.vocab, "input_shape": config.input_shape}
        else:
            options |= _trained_with(entry, metadata, path)
    elif config is not None and config.classes is not None and entry.task is not ModelTask.DETECTION:
        options |= {"classes": config.classes, "num_classes": len(config.classes)}
    model = getattr(models, entry.architecture)(**options)
    if config is not None:
        # As docTR's from_hub: the predictor normalises with these mean and std.
        model.cfg = config.doctr_cfg()
    return model


def _trained_with(entry: CatalogEntry, metadata: dict[str, str], path: Path) -> dict[str, Any]:
    """The arguments of docTR's recognition models that the file's metadata states."""
    options: dict[str, Any] = {"vocab": metadata["vocab"]} if "vocab" in metadata else {}
    if "input_shape" in metadata:
        try:
            channels, height, width = (int(side) for side in json.loads(metadata["input_shape"]))
        except (ValueError, TypeError) as error:
            raise _unusable(
                entry, path, "states an input shape that is no [channels, height, width]"
            ) from error
        options["input_shape"] = (channels, height, width)
    return options


def _load_strictly(
    entry: CatalogEntry, model: torch.nn.Module, state: dict[str, torch.Tensor], path: Path
) -> None:
    state = {
        key: value for key, value in state.items() if key not in _DROPPED_LAYERS.get(entry.architecture, ())
    }
    expected = model.state_dict()
    missing, unexpected = expected.keys() - state.keys(), state.keys() - expected.keys()
    reshaped = {key for key in expected.keys() & state.keys() if expected[key].shape != state[key].shape}
    if missing or unexpected or reshaped:
        example = min(missing or unexpected or reshaped)
        raise _unusable(
            entry,
            path,
            f"does not fit {entry.architecture}: {len(missing)} tensors missing, {len(unexpected)} "
            f"unexpected, {len(reshaped)} of another shape (such as {example})",
        )
    model.load_state_dict(state, strict=True)


def _unusable(entry: CatalogEntry, path: Path, problem: str) -> WeightsUnavailableError:
    remedy = (
        "installs doctr-serve again"
        if entry.source is WeightsSource.BUNDLED
        else f"removes or replaces it, then runs: doctr-serve pull {entry.name}"
    )
    return WeightsUnavailableError(
        f"the weights of '{entry.name}' on this server cannot be used: {path.name} {problem}; its operator "
        f"{remedy}"
    )
