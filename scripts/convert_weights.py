"""Writes the bundled models as OpenVINO's, beside their weights (``make openvino-models``).

The constants stay what the weights are, half-precision numbers, so that nothing is rounded: OpenVINO's own
``convert_model`` folds the batch norms at once, here the compilation for a processor does, in f32. Each model names the
SHA-256 of the weights it was made of; the server takes it for no others.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import openvino
import torch
from doctr_serve.catalog import BUNDLED_DIR, Catalog, CatalogEntry, WeightsSource
from doctr_serve.inference.model_spec import describe
from doctr_serve.inference.raw_network import load_raw_network
from doctr_serve.inference.runtimes.converted_models import weights_digest
from doctr_serve.inference.runtimes.openvino_runtime import WEIGHTS_DIGEST
from doctr_serve.settings import Settings
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

__all__ = ["bundled_entries", "unfolded_model"]


def bundled_entries(catalog: Catalog) -> list[CatalogEntry]:
    """Returns the catalog's entries whose weights ship with the package."""
    return [entry for entry in catalog.entries() if entry.source is WeightsSource.BUNDLED]


def unfolded_model(entry: CatalogEntry, catalog: Catalog) -> openvino.Model:
    """Returns an entry's model for any number of images, float32 in and out, its batch norms as they are.

    This is what ``openvino.convert_model`` does before its own simplifications (openvino/tools/ovc/convert_impl.py).
    """
    channels, height, width = describe(entry, catalog).input_shape
    network = load_raw_network(entry, catalog)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of the tracer
        decoder = TorchScriptPythonDecoder(network, example_input=torch.zeros(1, channels, height, width))
        frontend = FrontEndManager().load_by_framework("pytorch")
        model = frontend.convert(frontend.load(decoder))
    (images,) = model.get_parameters()
    images.set_element_type(openvino.Type.f32)
    images.set_partial_shape(openvino.PartialShape([-1, channels, height, width]))
    model.validate_nodes_and_infer_types()
    return model


def main() -> None:
    """Writes all of them."""
    catalog = Catalog(Settings())
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else BUNDLED_DIR
    for entry in bundled_entries(catalog):
        model = unfolded_model(entry, catalog)
        model.set_rt_info(weights_digest(catalog.weights_path(entry)), WEIGHTS_DIGEST)
        file = folder / f"{entry.architecture}.xml"
        openvino.save_model(model, file, compress_to_fp16=True)
        print(file, file.with_suffix(".bin").stat().st_size)


if __name__ == "__main__":
    main()
