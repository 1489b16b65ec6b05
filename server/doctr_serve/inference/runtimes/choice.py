"""Settings -> the runtime that they name."""

from __future__ import annotations

from doctr_serve.catalog import Catalog
from doctr_serve.inference.runtimes import Runtime
from doctr_serve.inference.runtimes.torch_runtime import TorchRuntime
from doctr_serve.settings import Settings

__all__ = ["runtime_for"]


def runtime_for(settings: Settings, catalog: Catalog) -> Runtime:
    """Returns the runtime of a server with these settings.

    Args:
        settings: name it, its device, its threads and its precision.
        catalog: where weights are.
    """
    torch_runtime = TorchRuntime(
        catalog,
        settings.device,
        cpu_slice_pixels=settings.cpu_slice_pixels,
        intra_op_threads=settings.intra_op_threads,
        precision=settings.inference_precision,
    )
    if settings.runtime == "torch":
        return torch_runtime
    from doctr_serve.inference.runtimes.openvino_runtime import OpenVINORuntime

    return OpenVINORuntime(
        catalog,
        torch_runtime,
        precision=settings.inference_precision,
        cpu_slice_pixels=settings.cpu_slice_pixels,
        threads=settings.intra_op_threads * settings.concurrent_forwards,
        cache_dir=settings.compiled_models_dir,
    )
