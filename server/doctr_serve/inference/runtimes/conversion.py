"""docTR's models -> OpenVINO's; as a program, in a process of its own.

Tracing a docTR model leaves gigabytes with the process that does it. Hence :class:`ConversionProcess`, whose child runs
this module: it reads one job from stdin and ends when that is closed, so that it does not outlive the server.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings
from pathlib import Path

import openvino
import torch

from doctr_serve.catalog import Catalog, CatalogEntry
from doctr_serve.inference.model_spec import describe
from doctr_serve.inference.raw_network import load_raw_network
from doctr_serve.settings import Settings

__all__ = ["convert", "main"]

NICENESS = 5
"""Forwards of a server that already reads go first."""


def convert(entry: CatalogEntry, catalog: Catalog, to: Path) -> None:
    """Converts a model for any number of images, in f32.

    Args:
        entry: the model.
        catalog: where its weights are.
        to: file for the graph (.xml); the constants go to a .bin beside it.

    Raises:
        WeightsUnavailableError: the weights are missing, damaged, or do not fit.
        Exception: whatever tracing or OpenVINO raises for a model that they cannot take.
    """
    channels, height, width = describe(entry, catalog).network_input_shape
    network = load_raw_network(entry, catalog)
    with warnings.catch_warnings(), torch.inference_mode():
        # The tracer's, of what docTR's modules do with Python's own values: none of it depends on an image.
        warnings.simplefilter("ignore")
        model = openvino.convert_model(network, example_input=torch.zeros(1, channels, height, width))
    # Traced with one image, to be run with any number.
    model.reshape([-1, channels, height, width])
    openvino.save_model(model, to, compress_to_fp16=False)


def main() -> None:
    """Does the job on stdin: ``settings``, ``model`` (its name in the catalog) and ``to``, as one line of JSON."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    os.nice(NICENESS)
    catalog = Catalog(Settings(**job["settings"]))
    convert(catalog.find_by_name(job["model"], fetch=False), catalog, Path(job["to"]))


def _end_with_the_server() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
