"""Settings -> the runtime that they name."""

from __future__ import annotations

import logging
import platform

from doctr_serve.catalog import Catalog
from doctr_serve.inference.runtimes import Runtime
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.settings import Settings

__all__ = ["runtime_for"]

X86 = frozenset({"x86_64", "amd64"})
"""``platform.machine()``, in small letters, where OpenVINO was measured to be faster."""

logger = logging.getLogger(__name__)


def runtime_for(settings: Settings, catalog: Catalog) -> Runtime:
    """Returns the runtime of a server with these settings, and logs which one that is.

    Args:
        settings: name it, its device, its threads and its precision.
        catalog: where weights are.

    Raises:
        RuntimeError: the settings ask for OpenVINO, and it is not installed.
    """
    torch_runtime = TorchRuntime(
        catalog,
        settings.device,
        cpu_slice_pixels=settings.cpu_slice_pixels,
        intra_op_threads=settings.intra_op_threads,
        precision=settings.inference_precision,
    )
    reason = _reason_for_torch(settings)
    if reason is None:
        try:
            return _openvino_runtime(settings, catalog, torch_runtime)
        except ImportError as error:
            reason = f"OpenVINO cannot be imported ({error})"
            if settings.runtime == "openvino":
                raise RuntimeError(f"the setting runtime asks for it, but {reason}") from error
    logger.info("runtime", extra={"runtime": "torch", "precision": torch_runtime.precision, "reason": reason})
    return torch_runtime


def _reason_for_torch(settings: Settings) -> str | None:
    """Why torch is to run the models; None where OpenVINO is."""
    if settings.runtime != "auto":
        return "the setting runtime" if settings.runtime == "torch" else None
    if settings.device != "cpu":
        return f"the setting device is {settings.device}"
    machine = platform.machine()
    return None if machine.lower() in X86 else f"the processor is {machine or 'unknown'}"


def _openvino_runtime(settings: Settings, catalog: Catalog, others: Runtime) -> Runtime:
    from doctr_serve.inference.runtimes.conversion_process import ConversionProcess
    from doctr_serve.inference.runtimes.openvino_runtime import OpenVINORuntime

    runtime = OpenVINORuntime(
        catalog,
        others,
        ConversionProcess(settings).convert,
        precision=settings.inference_precision,
        cpu_slice_pixels=settings.cpu_slice_pixels,
        threads=settings.intra_op_threads * settings.concurrent_forwards,
        converted_models_dir=settings.converted_models_dir,
    )
    logger.info("runtime", extra={"runtime": "openvino", "precision": settings.inference_precision})
    return runtime
