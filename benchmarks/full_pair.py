"""``benchmarks.throughput --pair full``: forwards of docTR's default pair, by the service's runtimes and eagerly.

docTR's weights come from the internet, and random ones find noise: hence the two stages' forwards alone, on the same
arrays. What runs, and how long it takes, depends on their shapes only.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from doctr import models
from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask
from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.model_spec import describe
from doctr_serve.inference.raw_network import load_raw_network
from doctr_serve.inference.runtimes.choice import runtime_for
from doctr_serve.inference.scheduler import ForwardScheduler
from doctr_serve.settings import Settings
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

from benchmarks.harness import page_image
from benchmarks.results import hand_over

__all__ = ["run"]

MODELS = {"db_resnet50": ModelTask.DETECTION, "crnn_vgg16_bn": ModelTask.RECOGNITION}
CROPS = 128
"""One batch, as many words as a page of text has. Pages go one by one."""

Batch = NDArray[np.float32]
Forward = Callable[[Batch], object]


def run(arguments: argparse.Namespace) -> int:
    """Measures, prints one JSON object and a line for each stage and way."""
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), arguments)
    hand_over("throughput-full-pair", arguments, {"stages": found})
    for name, ways in found.items():
        for way, values in ways.items():
            print(f"{name:14} {way:26} {values['median_s']:7.3f} s  ratio to docTR {values['ratio']:.2f}")
    return 0


def measured(folder: Path, arguments: argparse.Namespace) -> dict[str, dict]:
    """Returns, by model and way: seconds of each round, their median, and how many times as fast as docTR it is."""
    write_random_weights(folder)
    settings = Settings(weights_dir=folder, download_at_start=False, intra_op_threads=arguments.cores)
    catalog = Catalog(settings)
    entries = {name: catalog.find(name, task, option="model") for name, task in MODELS.items()}
    ways = {name: {"docTR": eager(entry, catalog)} for name, entry in entries.items()}
    schedulers = []
    for served in arguments.served:
        scheduler, forwards = through_scheduler(served, settings, catalog, entries)
        schedulers.append(scheduler)
        for name, forward in forwards.items():
            ways[name][f"doctr-serve {served}"] = forward
    torch.set_num_threads(
        arguments.cores
    )  # of this thread, in which docTR runs; the schedulers' have their own
    found = {}
    for name, entry in entries.items():
        batch = batch_for(entry, catalog)
        found[name] = with_ratios(time_rounds(ways[name], batch, arguments.rounds))
    for scheduler in schedulers:
        scheduler.close()
    return found


def write_random_weights(folder: Path) -> None:
    """Writes weights where the setting ``weights_dir`` finds them."""
    torch.manual_seed(0)
    for name in MODELS:
        model = getattr(models, name)(pretrained=False, pretrained_backbone=False)
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        save_file(state, folder / f"{name}.safetensors")


def eager(entry: CatalogEntry, catalog: Catalog) -> Forward:
    """The network as docTR builds it, without its decoding."""
    network = load_raw_network(entry, catalog)

    def forward(batch: Batch) -> object:
        with torch.inference_mode():
            return network(torch.from_numpy(batch))

    return forward


def through_scheduler(
    served: str, settings: Settings, catalog: Catalog, entries: dict[str, CatalogEntry]
) -> tuple[ForwardScheduler, dict[str, Forward]]:
    """Returns the scheduler of ``runtime:precision``, and the forward of each model through it."""
    runtime_name, _, precision = served.partition(":")
    own = {
        "runtime": runtime_name,
        "inference_precision": precision or "auto",
        "converted_models_dir": None,
    }
    runtime = runtime_for(Settings.model_validate(settings.model_dump() | own), catalog)
    scheduler = ForwardScheduler(runtime)
    handles = {name: runtime.load(entry) for name, entry in entries.items()}
    interrupt = Interrupt()

    def forward_of(name: str) -> Forward:
        return lambda batch: scheduler.run(handles[name], batch, interrupt)

    return scheduler, {name: forward_of(name) for name in entries}


def batch_for(entry: CatalogEntry, catalog: Catalog) -> Batch:
    """Returns normalised images, float32 (N, 3, H, W): a page, or windows of it in the place of crops."""
    spec = describe(entry, catalog)
    height, width = spec.input_shape[-2:]
    page = page_image(0)
    if entry.task is ModelTask.DETECTION:
        images = np.asarray(page.resize((width, height), Image.Resampling.BILINEAR))[np.newaxis]
    else:
        pixels = np.asarray(page)
        columns = page.width // width
        corners = [divmod(number, columns) for number in range(CROPS)]
        images = np.stack([pixels[y * height :, x * width :][:height, :width] for y, x in corners])
    normalised = (images / 255 - np.array(spec.mean)) / np.array(spec.std)
    return np.ascontiguousarray(normalised.transpose(0, 3, 1, 2), np.float32)


def time_rounds(ways: Mapping[str, Forward], batch: Batch, rounds: int) -> dict[str, list[float]]:
    """Returns seconds of each round by way; rounds alternate between the ways, after a first that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(rounds + 1):
        for name, forward in ways.items():
            started = time.perf_counter()
            forward(batch)
            if round_number:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def with_ratios(seconds: dict[str, list[float]]) -> dict[str, dict]:
    """Returns the seconds with their median, and the median of docTR's seconds over a way's of the same round."""
    return {
        name: {
            "seconds": own,
            "median_s": statistics.median(own),
            "ratio": statistics.median(
                doctr / mine for doctr, mine in zip(seconds["docTR"], own, strict=True)
            ),
        }
        for name, own in seconds.items()
    }
