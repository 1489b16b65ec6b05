"""A file of weights: its tensors, and what it says of itself."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from doctr_serve.catalog import CatalogEntry, WeightsSource
from doctr_serve.errors import WeightsUnavailableError

__all__ = ["read_metadata", "read_tensors", "unusable_weights"]

_UNREADABLE = (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError)


def read_metadata(entry: CatalogEntry, path: Path) -> dict[str, str]:
    """Returns the metadata of a safetensors file, reading its header only; empty for .pt and .bin files.

    Raises:
        WeightsUnavailableError: the file is damaged.
    """
    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return file.metadata() or {}
    except _UNREADABLE as error:
        raise unusable_weights(entry, path, "cannot be read: it is damaged or no file of weights") from error


def read_tensors(entry: CatalogEntry, path: Path) -> dict[str, torch.Tensor]:
    """Returns the state dict: CPU tensors in the file's own dtype.

    Raises:
        WeightsUnavailableError: the file is damaged, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt", device="cpu") as file:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        # weights_only: a pickle of another origin must not run code (torch's documentation of torch.load).
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise unusable_weights(entry, path, "cannot be read: it is damaged or no file of weights") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise unusable_weights(entry, path, "is not a plain state dict")
    return dict(state)


def unusable_weights(entry: CatalogEntry, path: Path, problem: str) -> WeightsUnavailableError:
    """Returns the error that says what is wrong with a file of weights, and what its operator does."""
    remedy = (
        "installs doctr-serve again"
        if entry.source is WeightsSource.BUNDLED
        else f"removes or replaces it, then runs: doctr-serve pull {entry.name}"
    )
    return WeightsUnavailableError(
        f"the weights of '{entry.name}' on this server cannot be used: {path.name} {problem}; its operator "
        f"{remedy}"
    )
