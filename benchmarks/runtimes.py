"""`python -m benchmarks.runtimes`: every architecture with random weights, by the runtime that serves it.

For each architecture: one forward of docTR's eager torch, of our torch runtime and of OpenVINO in f32 and bf16, taken
in turns; the shortest of each counts. Also the greatest difference of OpenVINO's f32 output from torch's. Prints a
Markdown table. The machine must be idle: where cores are busy, torch's OpenMP threads wait for one another, and its
times grow by far more than OpenVINO's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from doctr import models
from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask, WeightsSource
from doctr_serve.inference.model_spec import describe
from doctr_serve.inference.raw_network import load_raw_network
from doctr_serve.inference.runtimes.conversion_process import ConversionProcess
from doctr_serve.inference.runtimes.openvino_runtime import OpenVINORuntime
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.settings import Settings
from numpy.typing import NDArray
from safetensors.torch import save_file
from tqdm import tqdm

from benchmarks.full_pair import time_rounds

IMAGES = {ModelTask.DETECTION: 1, ModelTask.RECOGNITION: 32}
"""Images of a forward, by task; of the classifiers 16."""

Forward = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def write_random_weights(architecture: str, folder: Path) -> None:
    """Writes weights of a freshly initialised model, the same each time, where the catalog looks for them."""
    options = {} if architecture.endswith("_orientation") else {"pretrained_backbone": False}
    torch.manual_seed(0)
    model = getattr(models, architecture)(pretrained=False, **options)
    state = {key: value.detach().clone().contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / f"{architecture}.safetensors")


def forwards(entry: CatalogEntry, settings: Settings) -> dict[str, Forward]:
    """Returns the runtimes' forwards by name; OpenVINO's are left out where it leaves the model to torch."""
    catalog, threads = Catalog(settings), settings.intra_op_threads
    ours = TorchRuntime(catalog, intra_op_threads=threads)
    eager = load_raw_network(entry, catalog)

    def run_eagerly(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return eager(torch.from_numpy(batch)).numpy()

    found: dict[str, Forward] = {"eager": run_eagerly, "torch": _bound(ours, ours.load(entry))}
    for precision in ("f32", "bf16"):
        runtime = OpenVINORuntime(
            catalog,
            ours,
            ConversionProcess(settings).convert,
            precision=precision,
            threads=threads,
            converted_models_dir=settings.converted_models_dir,
        )
        handle = runtime.load(entry)
        if not isinstance(handle, torch.nn.Module):
            found[precision] = _bound(runtime, handle)
    return found


def _bound(runtime: TorchRuntime | OpenVINORuntime, handle: Any) -> Forward:
    return lambda batch: runtime.run(handle, batch)


def shortest_s(by_name: dict[str, Forward], batch: NDArray[np.float32], rounds: int) -> dict[str, float]:
    """Returns the seconds of each forward's shortest run; a first one of each is not counted."""
    return {name: min(times) for name, times in time_rounds(by_name, batch, rounds).items()}


def row(entry: CatalogEntry, folder: Path, threads: int, rounds: int) -> str:
    """Measures an architecture; returns its row of the table."""
    write_random_weights(entry.architecture, folder)
    settings = Settings(
        weights_dir=folder, converted_models_dir=folder / "converted", intra_op_threads=threads
    )
    by_name = forwards(entry, settings)
    shape = describe(entry, Catalog(settings)).input_shape
    batch = np.random.default_rng(0).standard_normal((IMAGES.get(entry.task, 16), *shape), np.float32)
    times = shortest_s(by_name, batch, rounds)
    cells = [entry.architecture, "OpenVINO" if "f32" in by_name else "torch", f"{times['eager'] * 1000:.0f}"]
    cells += [
        f"{times['eager'] / times[name]:.1f}" if name in times else "" for name in ("torch", "f32", "bf16")
    ]
    if "f32" in by_name:
        difference = np.abs(by_name["f32"](batch) - by_name["eager"](batch)).max()
        cells.append(f"{difference:.0e} of {np.abs(by_name['eager'](batch)).max():.1g}")
    else:
        cells.append("")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", help="architectures; by default all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    entries = [entry for entry in Catalog(Settings()).entries() if entry.source is WeightsSource.DOCTR]
    rows = [
        "| architecture | served by | eager torch, ms | torch runtime, times | OpenVINO f32, times "
        "| OpenVINO bf16, times | greatest difference in f32 |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in tqdm([e for e in entries if not args.only or e.architecture in args.only], unit="model"):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(entry, Path(folder), args.threads, args.rounds))
        tqdm.write(rows[-1])
    print("\n".join(rows))


if __name__ == "__main__":
    main()
