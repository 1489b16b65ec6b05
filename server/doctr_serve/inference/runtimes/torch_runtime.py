"""docTR's models in eager torch, arranged so that this device runs them fast."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from doctr_serve.catalog import Catalog, CatalogEntry
from doctr_serve.inference.raw_network import load_raw_network
from doctr_serve.inference.runtimes import Execution

__all__ = ["TorchRuntime", "fold_batch_norms"]

CPU_SHARED_PIXELS = 96 * 1024
"""16 crops of 32 x 192: on two cores 16, 64 and 128 of them took the same time a crop, on torch and OpenVINO."""
DEVICE_SHARED_PIXELS = 16 * 1024 * 1024
"""16 pages of 1024 x 1024, docTR's largest usual batch: what a GPU of 8 GB holds of any of its detectors."""


class TorchRuntime:
    """Runs docTR's own modules, channels-last and with their batch norms folded.

    Channels-last is worth a factor of up to two for convolutions on x86 CPUs (https://pytorch.org/tutorials/
    intermediate/memory_format_tutorial.html). Both leave the results the same but for float noise.

    On the CPU two pages take as long together as one after the other, but twice the memory (db_mobilenet_v3_large at
    1024 x 1024: 260 MB a page); hence ``max_forward_pixels``, which other devices do not have.

    Args:
        catalog: where weights are.
        device: torch device the models live on.
        cpu_slice_pixels: input pixels of a forward on the CPU.
        intra_op_threads: threads of one forward; None for as many as torch has.
        precision: of the forwards: ``bf16`` leaves to autocast which operations it suits; ``auto`` is bf16 on GPUs that
            compute in it, else f32, and so is ``int8``, which torch does not have.
    """

    def __init__(
        self,
        catalog: Catalog,
        device: str = "cpu",
        *,
        cpu_slice_pixels: int = 1024 * 1024,
        intra_op_threads: int | None = None,
        precision: Literal["auto", "f32", "bf16", "int8"] = "auto",
    ) -> None:
        self._catalog = catalog
        self.device = torch.device(device)
        self.max_forward_pixels = cpu_slice_pixels if self.device.type == "cpu" else None
        self.shared_forward_pixels = CPU_SHARED_PIXELS if self.device.type == "cpu" else DEVICE_SHARED_PIXELS
        self._intra_op_threads = intra_op_threads
        self.precision = _supported(precision, self.device)

    def enter_thread(self) -> None:
        """Gives the calling thread a team of ``intra_op_threads``; threads that come to torch later have none.

        Each thread that enters an OpenMP region keeps a team of its own, and so would every request's, whose resizing
        is torch's. ATen keeps the size per thread (``omp_set_num_threads``), and a thread that comes to torch for the
        first time takes the size that any thread set last (aten/src/ATen/ParallelOpenMP.cpp). Hence the short-lived
        thread, which is the last to set one; this one keeps its own.
        """
        if self._intra_op_threads is None:
            return
        torch.set_num_threads(self._intra_op_threads)
        torch.get_num_threads()  # ends this thread's first coming to torch, as setting does not: or it took the 1 too
        last = threading.Thread(target=torch.set_num_threads, args=(1,))
        last.start()
        last.join()

    def load(self, entry: CatalogEntry) -> nn.Module:
        """Returns the entry's network on the device, in eval mode, its convolutions folded and channels-last."""
        network = load_raw_network(entry, self._catalog)
        fold_batch_norms(network)
        return network.to(device=self.device, memory_format=torch.channels_last)

    def execution_of(self, entry: CatalogEntry, handle: nn.Module | None = None) -> Execution:
        """Returns torch and the precision, which are those of every model."""
        return Execution("torch", self.precision)

    def run(self, handle: nn.Module, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the network's raw output for images of shape (N, 3, H, W)."""
        # Inference mode is a property of the thread, so it is entered here, where the forward runs.
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"),
        ):
            return handle(self._on_device(batch)).float().cpu().numpy()

    def release_memory(self, handle: nn.Module) -> None:
        """Does nothing: eager torch keeps no activations."""

    def _on_device(self, batch: NDArray[np.float32]) -> torch.Tensor:
        images = torch.from_numpy(batch)
        if self.device.type == "cuda":
            # From pinned memory the copy runs beside the forward before it (https://docs.pytorch.org/tutorials/
            # intermediate/pinmem_nonblock.html).
            images = images.pin_memory()
        images = images.to(self.device, non_blocking=self.device.type == "cuda")
        return images.contiguous(memory_format=torch.channels_last)


def _supported(
    precision: Literal["auto", "f32", "bf16", "int8"], device: torch.device
) -> Literal["f32", "bf16"]:
    if precision in ("f32", "bf16"):
        return precision
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "f32"


def fold_batch_norms(model: nn.Module) -> None:
    """Folds, in place, each batch norm into the convolution right before it in the same ``nn.Sequential``.

    Only there does the order of the children say what runs after what. In eval mode a batch norm is a scale and
    a shift per channel, so that the folded convolution computes the same sum.
    """
    for sequence in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for (name, layer), (norm_name, norm) in pairwise(list(sequence.named_children())):
            if isinstance(norm, nn.BatchNorm2d) and isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                folded = fuse_conv_bn_eval(layer, norm, transpose=isinstance(layer, nn.ConvTranspose2d))
                sequence._modules[name] = folded
                sequence._modules[norm_name] = nn.Identity()
