"""Write the shipped detector in 8-bit integers, as OpenVINO's, from real pages: no labels, nothing is trained.

    python -m quantise_detector --calibration-dir DIR --output FILE.xml

NNCF's post-training quantisation: weights become integers by their own range, activations by the range that they have
on the calibration pages, which are fitted into the input as the service fits them. The first block, which sees the
pixels, and the last layer, which makes the map, stay in floats: they lose most. At the end the maps of pages that were
not calibrated on are compared with the unquantised model's: the score says whether something went wrong,
`make evaluate` whether the result may serve.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nncf
import numpy as np
import openvino
import torch
from doctr_serve.catalog import Catalog, CatalogEntry
from doctr_serve.inference.model_spec import ModelSpec, describe
from doctr_serve.inference.runtimes.conversion import convert
from doctr_serve.inference.runtimes.converted_models import weights_digest
from doctr_serve.inference.runtimes.openvino_runtime import WEIGHTS_DIGEST
from doctr_serve.inference.stages.preprocessing import BatchedPreProcessor
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
from nncf.quantization.range_estimator import RangeEstimatorParametersSet
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

__all__ = ["Pages", "float_layers", "float_model", "map_agreement", "page_files", "quantised", "write_model"]

NAME = "bundled/db_mobilenet_v3_large"
SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
FIRST_CONVOLUTIONS = 3
"""The stem and the two of the first block."""


class Pages:
    """Turns files of pages into the detector's input, exactly as the service does by default.

    Args:
        spec: the detector's.
    """

    def __init__(self, spec: ModelSpec) -> None:
        options = ReadingOptions()
        self._preprocessor = BatchedPreProcessor(
            spec.input_shape[-2:],
            batch_size=1,
            mean=spec.mean,
            std=spec.std,
            preserve_aspect_ratio=options.preserve_aspect_ratio,
            symmetric_pad=options.symmetric_padding,
        )

    def read(self, file: Path) -> NDArray[np.float32]:
        """Returns a page as a batch of one, (1, 3, H, W)."""
        with Image.open(file) as image:
            pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        [batch] = self._preprocessor([pixels])
        return batch.numpy()


def page_files(folder: Path, count: int, seed: str = "quantise") -> list[Path]:
    """Returns so many pages, the same number of each folder below that has any, in an order of their own."""
    by_folder: dict[Path, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in SUFFIXES:
            by_folder.setdefault(file.parent, []).append(file)
    rng = random.Random(seed)
    for files in by_folder.values():
        rng.shuffle(files)
    found: list[Path] = []
    while len(found) < count and any(by_folder.values()):
        found += [files.pop() for files in by_folder.values() if files]
    return found[:count]


def float_model(entry: CatalogEntry, catalog: Catalog) -> openvino.Model:
    """Returns the detector as OpenVINO's, in f32, its batch norms folded, for any number of pages."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.xml")
        convert(entry, catalog, file)
        return openvino.Core().read_model(file.read_bytes(), file.with_suffix(".bin").read_bytes())


def float_layers(model: openvino.Model) -> list[str]:
    """Returns the names of the layers that stay as they are, found by their place: the names are OpenVINO's."""
    layers = [(layer.get_type_name(), layer.get_friendly_name()) for layer in model.get_ordered_ops()]
    convolutions = [name for kind, name in layers if kind in ("Convolution", "GroupConvolution")]
    return [
        *convolutions[:FIRST_CONVOLUTIONS],
        next(name for kind, name in layers if kind == "Add" and "feat_extractor.1/" in name),
        [name for kind, name in layers if kind == "ConvolutionBackpropData"][-1],
    ]


def quantised(model: openvino.Model, inputs: Sequence[NDArray[np.float32]]) -> openvino.Model:
    """Returns the model in 8-bit integers, for any number of pages.

    Args:
        model: in f32; it is changed.
        inputs: what ranges of activations are measured on.
    """
    shape = model.inputs[0].get_partial_shape()
    model.reshape([1, *inputs[0].shape[1:]])
    small = nncf.quantize(
        model,
        nncf.Dataset(inputs),
        preset=nncf.QuantizationPreset.MIXED,  # ReLU's outputs use all 256 levels
        subset_size=len(inputs),
        ignored_scope=nncf.IgnoredScope(names=float_layers(model)),
        advanced_parameters=AdvancedQuantizationParameters(
            # Half of the range of weights would be given up for processors that add products in 16 bits; those with
            # bf16, for which this model is, add in 32.
            overflow_fix=nncf.OverflowFix.DISABLE,
            disable_channel_alignment=True,
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
        ),
    )
    small.reshape(shape)
    return small


def maps(model: openvino.Model, inputs: Sequence[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yields the probability map of each page."""
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for images in inputs:
        yield compiled([images])[0].copy()


def map_agreement(
    ours: Sequence[NDArray[np.float32]], theirs: Sequence[NDArray[np.float32]], threshold: float
) -> float:
    """Returns how well two models agree on which pixels are text: intersection over union, over all pages."""
    both = sum(int(((a >= threshold) & (b >= threshold)).sum()) for a, b in zip(ours, theirs, strict=True))
    either = sum(int(((a >= threshold) | (b >= threshold)).sum()) for a, b in zip(ours, theirs, strict=True))
    return both / max(either, 1)


def write_model(model: openvino.Model, digest: str, file: Path) -> None:
    """Writes the model, which names the weights it was made of; what is left of floats in half precision."""
    model.set_rt_info(digest, WEIGHTS_DIGEST)
    openvino.save_model(model, file, compress_to_fp16=True)


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calibration-dir", type=Path, required=True, help="folder of scanned pages")
    parser.add_argument(
        "--output", type=Path, required=True, help="the model's .xml; its .bin lies beside it"
    )
    parser.add_argument("--pages", type=int, default=48, help="pages to measure ranges on")
    parser.add_argument("--held-out", type=int, default=12, help="further pages, to compare maps on")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    """Quantises, compares, writes."""
    args = arguments()
    torch.set_num_threads(args.threads)
    openvino.Core().set_property("CPU", {"INFERENCE_NUM_THREADS": args.threads})
    catalog = Catalog(Settings())
    entry = catalog.find_by_name(NAME)
    pages = Pages(describe(entry, catalog))
    files = page_files(args.calibration_dir, args.pages + args.held_out)
    if len(files) <= args.held_out:
        raise SystemExit(f"{args.calibration_dir}: {len(files)} pages are too few")
    held_out, used = files[: args.held_out], files[args.held_out :]
    model = float_model(entry, catalog)
    small = quantised(
        float_model(entry, catalog), [pages.read(file) for file in tqdm(used, desc="reading", unit="page")]
    )
    write_model(small, weights_digest(catalog.weights_path(entry)), args.output)
    inputs = [pages.read(file) for file in held_out]
    threshold = ReadingOptions().binary_threshold
    agreement = map_agreement(list(maps(small, inputs)), list(maps(model, inputs)), threshold)
    size = args.output.with_suffix(".bin").stat().st_size
    print(f"{args.output}: {size} bytes; on {len(inputs)} other pages text agrees to {agreement:.4f}")


if __name__ == "__main__":
    main()
