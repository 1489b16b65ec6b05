"""docTR's models compiled by OpenVINO: on x86 processors a few times as fast as eager torch."""

from __future__ import annotations

import logging
import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino
import torch
from numpy.typing import NDArray

from doctr_serve.catalog import Catalog, CatalogEntry
from doctr_serve.errors import WeightsUnavailableError
from doctr_serve.inference.model_spec import describe
from doctr_serve.inference.raw_network import load_raw_network
from doctr_serve.inference.runtimes import Runtime
from doctr_serve.inference.runtimes.compiled_cache import CompiledCache

__all__ = ["LEFT_TO_OTHERS", "OpenVINORuntime"]

DEVICE = "CPU"

LEFT_TO_OTHERS = frozenset({"master", "parseq"})
"""Architectures whose decoding loops OpenVINO 2026.4 does not convert: parseq fails at a squeeze of unknown rank, the
tracing of master's unrolled loop did not end in four minutes."""

Precision = Literal["auto", "f32", "bf16"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Compiled:
    """A compiled model, and a request of each thread that runs it."""

    model: openvino.CompiledModel
    requests: threading.local = field(default_factory=threading.local)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if not hasattr(self.requests, "own"):
            self.requests.own = self.model.create_infer_request()
        return self.requests.own.infer([batch], share_inputs=True)[0]


class OpenVINORuntime:
    """Runs models that OpenVINO has compiled, and leaves the others to another runtime.

    A model is converted once and kept on disk as compiled: tracing docTR's modules takes seconds, reading the result
    a fraction of one.

    Args:
        catalog: where weights are.
        others: runs what OpenVINO cannot take.
        precision: of the forwards; ``auto`` is bf16 where the processor computes in it, else f32.
        cpu_slice_pixels: input pixels of a forward; see :class:`Runtime`.
        threads: of all forwards that run at the same time.
        cache_dir: folder of the compiled models; None keeps none.
    """

    def __init__(
        self,
        catalog: Catalog,
        others: Runtime,
        *,
        precision: Precision = "auto",
        cpu_slice_pixels: int = 1024 * 1024,
        threads: int,
        cache_dir: Path | None = None,
    ) -> None:
        self._catalog = catalog
        self._others = others
        self._core = openvino.Core()
        self.precision = self._supported(precision)
        self.max_forward_pixels: int | None = cpu_slice_pixels
        self.shared_forward_pixels = others.shared_forward_pixels
        # One stream: a page's forward takes all threads. Pinned ones would share cores with the decoders' processes.
        self._config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        }
        self._cache = CompiledCache(cache_dir, f"{openvino.get_version()} {self._processor()} {self._config}")

    def enter_thread(self) -> None:
        """Prepares the thread for what the other runtime runs; OpenVINO has threads of its own."""
        self._others.enter_thread()

    def load(self, entry: CatalogEntry) -> Any:
        """Returns the compiled model, or the other runtime's handle where OpenVINO cannot take it.

        Raises:
            WeightsUnavailableError: the weights are missing, damaged, or do not fit.
        """
        if entry.architecture in LEFT_TO_OTHERS:
            return self._others.load(entry)
        try:
            return _Compiled(self._compiled(entry))
        except WeightsUnavailableError:
            raise
        except Exception as error:  # OpenVINO raises RuntimeError, its own errors, and what tracing raises
            logger.warning("not_compiled", extra={"model": entry.name, "problem": str(error)[:500]})
            return self._others.load(entry)

    def run(self, handle: Any, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the raw output of a batch (N, 3, H, W)."""
        return handle.run(batch) if isinstance(handle, _Compiled) else self._others.run(handle, batch)

    def _compiled(self, entry: CatalogEntry) -> openvino.CompiledModel:
        name = self._cache.name_for(entry.architecture, self._catalog.weights_path(entry))
        kept = self._cache.read(name)
        if kept is not None:
            try:
                return self._core.import_model(kept, DEVICE, self._config)
            except Exception as error:  # damaged, or of another build: it is made anew
                logger.warning(
                    "compiled_model_not_usable", extra={"model": entry.name, "problem": str(error)[:500]}
                )
        model = self._core.compile_model(self._converted(entry), DEVICE, self._config)
        self._cache.write(name, model.export_model().getvalue())
        return model

    def _converted(self, entry: CatalogEntry) -> openvino.Model:
        channels, height, width = describe(entry, self._catalog).input_shape
        network = load_raw_network(entry, self._catalog)
        with warnings.catch_warnings(), torch.inference_mode():
            # The tracer's, of what docTR's modules do with Python's own values: none of it depends on an image.
            warnings.simplefilter("ignore")
            model = openvino.convert_model(network, example_input=torch.zeros(1, channels, height, width))
        # Traced with one image, to be run with any number.
        model.reshape([-1, channels, height, width])
        return model

    def _supported(self, precision: Precision) -> Literal["f32", "bf16"]:
        if precision != "auto":
            return precision
        return "bf16" if "BF16" in self._core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES") else "f32"

    def _processor(self) -> str:
        capabilities = sorted(self._core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES"))
        return f"{self._core.get_property(DEVICE, 'FULL_DEVICE_NAME')} {capabilities}"
