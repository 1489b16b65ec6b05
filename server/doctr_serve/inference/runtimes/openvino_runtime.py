"""docTR's models run by OpenVINO: on x86 processors a few times as fast as eager torch."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino
from numpy.typing import NDArray

from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask, WeightsSource
from doctr_serve.errors import WeightsUnavailableError
from doctr_serve.inference.model_spec import describe
from doctr_serve.inference.runtimes import Execution, Runtime
from doctr_serve.inference.runtimes.batch_sizes import parts
from doctr_serve.inference.runtimes.converted_models import ConvertedModels, weights_digest

__all__ = ["LEFT_TO_OTHERS", "WEIGHTS_DIGEST", "OpenVINORuntime"]

DEVICE = "CPU"

LEFT_TO_OTHERS = frozenset({"master", "parseq"})
"""Architectures whose decoding loops OpenVINO 2026.4 does not convert: parseq fails at a squeeze of unknown rank, the
tracing of master's unrolled loop did not end in four minutes."""

WEIGHTS_DIGEST = ["doctr_serve", "weights_sha256"]
"""Where a converted model that ships with the package names the weights that it was made of (OpenVINO's rt_info)."""

MAX_IMAGES = 64
"""Images of a forward: an image costs no less in larger ones, and their activations stay in memory."""

SHIPPED_IN_INT8 = frozenset({"db_mobilenet_v3_large"})
INT8_SUFFIX = ".int8.xml"
"""Of a bundled model that ships in int8, too, beside its weights (``training/quantise_detector.py``)."""

FINDS_OR_TURNS_WORDS = (ModelTask.DETECTION, ModelTask.PAGE_ORIENTATION, ModelTask.TEXT_ORIENTATION)

Precision = Literal["auto", "f32", "bf16", "int8"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Compiled:
    """A compiled model, and a request of each thread that runs it.

    OpenVINO makes code for every size of batch that it meets, and keeps it: for the bundled recogniser 6 MB and 30 ms
    a size. Hence batches of few sizes.
    """

    model: openvino.CompiledModel
    precision: str
    max_pixels: int
    requests: threading.local = field(default_factory=threading.local)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        count, _, height, width = batch.shape
        largest = min(MAX_IMAGES, max(1, self.max_pixels // (height * width)))
        outputs, start = [], 0
        for taken, size in parts(count, largest):
            outputs.append(self._infer(_padded(batch[start : start + taken], size))[:taken])
            start += taken
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _infer(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        if not hasattr(self.requests, "own"):
            self.requests.own = self.model.create_infer_request()
        return self.requests.own.infer([images], share_inputs=True)[0]


def _padded(images: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    if len(images) == size:
        return images
    padded = np.zeros((size, *images.shape[1:]), np.float32)
    padded[: len(images)] = images
    return padded


def _core() -> openvino.Core:
    """Returns a core whose CPU plugin is loaded.

    The plugin gives the thread that loads it an alternate signal stack, and unmaps this stack when it is destroyed, in
    whatever thread: the next signal to the first thread would kill the process (SigAltStackSetup in OpenVINO's
    intel_cpu/src/sigstack_manager.cpp; CPython runs its handlers on that stack). Hence a thread that ends at once.
    """
    core = openvino.Core()
    with ThreadPoolExecutor(1, "load_openvino") as thread:
        thread.submit(core.get_property, DEVICE, "FULL_DEVICE_NAME").result()
    return core


class OpenVINORuntime:
    """Runs models with OpenVINO, and leaves to another runtime those that it cannot take.

    The bundled models ship as OpenVINO's, too. Any other is converted once and kept on disk: tracing docTR's modules
    takes seconds, compiling the result for this processor a fraction of one.

    Args:
        catalog: where weights are.
        others: runs what OpenVINO cannot take.
        convert: writes an entry's model, as OpenVINO's, to a file; see :meth:`ConversionProcess.convert`.
        precision: of the forwards; see :meth:`precision_of`.
        cpu_slice_pixels: input pixels of a forward; see :class:`Runtime`.
        threads: of all forwards that run at the same time.
        converted_models_dir: folder of the converted models; None keeps none.
    """

    def __init__(
        self,
        catalog: Catalog,
        others: Runtime,
        convert: Callable[[CatalogEntry, Path], None],
        *,
        precision: Precision = "auto",
        cpu_slice_pixels: int = 1024 * 1024,
        threads: int,
        converted_models_dir: Path | None = None,
    ) -> None:
        self._catalog = catalog
        self._others = others
        self._convert = convert
        self._core = _core()
        self._precision = precision
        if precision == "int8" and not self._has_bf16:
            logger.warning("int8_may_be_inexact", extra={"reason": "processors without VNNI lose sums in it"})
        self._max_pixels = cpu_slice_pixels
        self.max_forward_pixels: int | None = cpu_slice_pixels
        self.shared_forward_pixels = others.shared_forward_pixels
        # One stream: a page's forward takes all threads. Pinned ones would share cores with the decoders' processes.
        self._config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        }
        self._converted = ConvertedModels(converted_models_dir)

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
            return self._compiled(entry)
        except WeightsUnavailableError:
            raise
        except Exception as error:  # a ConversionError, or what OpenVINO raises: RuntimeError and its own
            logger.warning("left_to_torch", extra={"model": entry.name, "problem": str(error)[:500]})
            return self._others.load(entry)

    def execution_of(self, entry: CatalogEntry, handle: Any | None = None) -> Execution:
        """Returns what runs a model, or is to: one that cannot be converted is left to the other runtime then."""
        if isinstance(handle, _Compiled):
            return Execution("openvino", handle.precision)
        if handle is not None or entry.architecture in LEFT_TO_OTHERS:
            return self._others.execution_of(entry, handle)
        return Execution("openvino", self.precision_of(entry))

    def run(self, handle: Any, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the raw output of a batch (N, 3, H, W)."""
        return handle.run(batch) if isinstance(handle, _Compiled) else self._others.run(handle, batch)

    def release_memory(self, handle: Any) -> None:
        """Frees the activations, which OpenVINO keeps for the next forward (300 MB after a page)."""
        if isinstance(handle, _Compiled):
            handle.model.release_memory()
        else:
            self._others.release_memory(handle)

    def _compiled(self, entry: CatalogEntry) -> _Compiled:
        precision = self.precision_of(entry)
        # What int8 leaves to floats is in bf16 where the processor has it.
        floats = precision if precision != "int8" else "bf16" if self._has_bf16 else "f32"
        config = self._config | {"INFERENCE_PRECISION_HINT": floats}
        logger.info("compiling", extra={"model": entry.name, "precision": precision})
        weights = self._catalog.weights_path(entry)
        digest = weights_digest(weights)
        if entry.source is WeightsSource.BUNDLED:
            suffix = INT8_SUFFIX if precision == "int8" else ".xml"
            shipped = self._shipped(weights.with_suffix(suffix), digest)
            if shipped is not None:
                return self._compile(shipped, precision, config)
        name = self._name_for(entry, digest)
        kept = self._converted.find(name)
        if kept is not None:
            try:
                return self._compile(kept, floats, config)
            except Exception as error:  # damaged: it is made anew
                logger.warning(
                    "converted_model_not_usable", extra={"model": entry.name, "problem": str(error)[:500]}
                )
        logger.info("converting", extra={"model": entry.name})
        with self._converted.make(name, lambda file: self._convert(entry, file)) as made:
            return self._compile(made, floats, config)

    def _compile(self, model: openvino.Model | Path, precision: str, config: dict[str, Any]) -> _Compiled:
        return _Compiled(self._core.compile_model(model, DEVICE, config), precision, self._max_pixels)

    def _shipped(self, file: Path, digest: str) -> openvino.Model | None:
        """The model that ships beside the weights; None where it is not theirs: whoever replaced them has no other."""
        if not file.is_file():
            return None
        model = self._core.read_model(file)
        is_theirs = model.has_rt_info(WEIGHTS_DIGEST) and model.get_rt_info(WEIGHTS_DIGEST).value == digest
        return model if is_theirs else None

    def _name_for(self, entry: CatalogEntry, digest: str) -> str:
        # A hub model's configuration, not its weights, says how large its input is.
        input_shape = describe(entry, self._catalog).input_shape
        made_of = hashlib.sha256(f"{openvino.get_version()} {digest} {input_shape}".encode())
        return f"{entry.architecture}-{made_of.hexdigest()[:32]}"

    def precision_of(self, entry: CatalogEntry) -> Literal["f32", "bf16", "int8"]:
        """Returns the precision of a model's forwards.

        ``auto`` is f32 on processors that do not compute in bf16. On others a bundled model is in int8 where that
        ships, else in bf16: the word F1 of 100 real pages stays within 0.3 points of f32 by that. Of other models
        detection and orientation are in bf16 and all else in f32: what bf16 changes there nobody has measured.
        ``int8`` is for the models that ship in it; others are as with ``auto``. On a processor without VNNI its sums
        overflow, and words are lost: those with bf16 all have VNNI.
        """
        if self._precision in ("f32", "bf16"):
            return self._precision
        ships_int8 = entry.source is WeightsSource.BUNDLED and entry.architecture in SHIPPED_IN_INT8
        if ships_int8 and (self._has_bf16 or self._precision == "int8"):
            return "int8"
        is_measured = entry.source is WeightsSource.BUNDLED or entry.task in FINDS_OR_TURNS_WORDS
        return "bf16" if self._has_bf16 and is_measured else "f32"

    @cached_property
    def _has_bf16(self) -> bool:
        return "BF16" in self._core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
