"""Write the shipped detector in 8-bit integers, for OpenVINO, beside its weights.

    python -m quantise_detection --to ../server/doctr_serve/weights

NNCF's post-training quantisation: the ranges of the activations are measured on rendered pages, nothing is trained.
Before and after, boxes are scored on other rendered pages. Whether the result may serve is for `make evaluate` to say.
"""

from __future__ import annotations

import argparse
import random
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import torch
from doctr_serve.catalog import Catalog, CatalogEntry
from doctr_serve.inference.raw_network import load_raw_network
from doctr_serve.inference.runtimes.converted_models import weights_digest
from doctr_serve.inference.runtimes.openvino_runtime import WEIGHTS_DIGEST
from doctr_serve.settings import Settings
from torch import Tensor
from tqdm import tqdm

import common
from detection_metrics import evaluate
from synth.pages import SIZE, render_page

NAME = "bundled/db_mobilenet_v3_large"
LEVEL = -2.197  # the logit of the contract's threshold, 0.1


def float_model(entry: CatalogEntry, catalog: Catalog) -> tuple[openvino.Model, torch.nn.Module]:
    """Return the detector as OpenVINO's, for any number of pages, and the network that it was made of."""
    network = load_raw_network(entry, catalog)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of the tracer
        model = openvino.convert_model(network, example_input=torch.zeros(1, 3, SIZE, SIZE))
    model.reshape([-1, 3, SIZE, SIZE])
    return model, network.model


def box_f1(model: openvino.Model, normalise: Callable[[np.ndarray], Tensor], pages: int) -> dict[str, float]:
    """Score a model's boxes on rendered pages that it was not calibrated on."""
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def logits(images: np.ndarray) -> Tensor:
        return torch.logit(torch.from_numpy(compiled([normalise(images).numpy()])[0]), eps=1e-7)

    return evaluate(logits, pages, [LEVEL])


def quantised(model: openvino.Model, normalise: Callable[[np.ndarray], Tensor], pages: int) -> openvino.Model:
    """Return the model in 8-bit integers: weights symmetric, activations where that is better not ("mixed")."""
    import nncf

    rng = random.Random("quantise")
    images = [render_page(rng).image for _ in tqdm(range(pages), desc="calibration pages", unit="page")]
    data = nncf.Dataset(images, lambda image: normalise(image[None]).numpy())
    return nncf.quantize(model, data, preset=nncf.QuantizationPreset.MIXED, subset_size=pages)


def main() -> None:
    """Quantise, score, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--to", type=Path, default=Path(__file__).parent.parent / "server/doctr_serve/weights"
    )
    parser.add_argument("--pages", type=int, default=64, help="rendered pages to measure ranges on")
    parser.add_argument(
        "--scored-pages", type=int, default=8, help="rendered pages to score boxes on; 0: none"
    )
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    common.set_up(args.threads, 0)
    catalog = Catalog(Settings())
    entry = catalog.find_by_name(NAME)
    model, network = float_model(entry, catalog)

    def normalise(images: np.ndarray) -> Tensor:
        return common.normalise(images, network).contiguous()

    if args.scored_pages:
        print("f32 ", box_f1(model, normalise, args.scored_pages))
    small = quantised(model, normalise, args.pages)
    if args.scored_pages:
        print("int8", box_f1(small, normalise, args.scored_pages))
    small.set_rt_info(weights_digest(catalog.weights_path(entry)), WEIGHTS_DIGEST)
    path = args.to / f"{entry.architecture}.int8.xml"
    openvino.save_model(small, path, compress_to_fp16=True)
    print(path, path.with_suffix(".bin").stat().st_size)


if __name__ == "__main__":
    main()
