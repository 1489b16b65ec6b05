"""A catalog entry -> a docTR model with exactly its weights, or an error; never a model with random ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from doctr import models
from doctr.models.detection.fast.pytorch import FAST, reparameterize

from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask, WeightsSource
from doctr_serve.inference.model_spec import ModelSpec, describe
from doctr_serve.inference.weights_file import read_tensors, unusable_weights

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
        The docTR model: float32, on the CPU, in eval mode, without gradients, built as :func:`describe` says.
        FAST models are reparameterized, as docTR's ``detection_predictor`` does.

    Raises:
        WeightsUnavailableError: the weights are missing, damaged, or do not fit the architecture.
    """
    path = catalog.weights_path(entry)
    spec = describe(entry, catalog)
    state = read_tensors(entry, path)
    model = _build(spec)
    if entry.source is WeightsSource.HUB:
        # As docTR's from_hub: the predictor normalises with these mean and std.
        model.cfg = catalog.hub_config(entry).doctr_cfg()
    _load_strictly(entry, model, state, path)
    if isinstance(model, FAST):
        model = reparameterize(model)
    return model.eval().requires_grad_(False)


def _build(spec: ModelSpec) -> torch.nn.Module:
    options: dict[str, Any] = {"pretrained": False}
    match spec.entry.task:
        case ModelTask.DETECTION:
            options |= {"pretrained_backbone": False, "exportable": False, "class_names": list(spec.classes)}
        case ModelTask.RECOGNITION:
            options |= {"pretrained_backbone": False, "exportable": False}
            options |= {"vocab": spec.vocab, "input_shape": spec.input_shape}
        case ModelTask.LAYOUT:
            options |= {"class_names": list(spec.classes)}
        case ModelTask.TABLE_STRUCTURE:
            options |= {"pretrained_backbone": False}
        case _:
            options |= {"classes": list(spec.classes), "num_classes": len(spec.classes)}
    return getattr(models, spec.entry.architecture)(**options)


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
        raise unusable_weights(
            entry,
            path,
            f"does not fit {entry.architecture}: {len(missing)} tensors missing, {len(unexpected)} "
            f"unexpected, {len(reshaped)} of another shape (such as {example})",
        )
    model.load_state_dict(state, strict=True)
