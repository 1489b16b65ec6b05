"""What a batch of a model's input or output takes: what a hub's configuration states decides it, and is not trusted."""

from __future__ import annotations

from doctr_serve.catalog import ModelTask
from doctr_serve.errors import InvalidOptionError
from doctr_serve.inference.model_spec import ModelSpec, own_input_shape
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings

__all__ = ["check_batch"]

FLOAT_BYTES = 4
MIB = 1024 * 1024
MAX_STEPS = 51
"""Outputs of docTR's recognisers for one word at most, where the width of their input does not decide it: MASTER's
``max_length``, and the end."""
PIXELS_PER_STEP = 4
"""Of the width, where it does (CRNN)."""
BATCH_OPTIONS = {
    ModelTask.DETECTION: ("detection_model", "detection_batch_size"),
    ModelTask.RECOGNITION: ("recognition_model", "recognition_batch_size"),
    ModelTask.LAYOUT: ("layout_model", "detection_batch_size"),
}
"""Which options name the model and the size of its batches; those of other models are docTR's own, or 1."""


def check_batch(spec: ModelSpec, options: ReadingOptions, settings: Settings) -> None:
    """Returns where a batch of a model's input, and one of its output, fits the memory for work on pages.

    docTR's own form of the architecture always does, in whatever batches the settings allow.

    Raises:
        InvalidOptionError: it does not; the message says which batch size does.
    """
    if spec.entry.task not in BATCH_OPTIONS:
        return
    model_option, size_option = BATCH_OPTIONS[spec.entry.task]
    batch_size = getattr(options, size_option)
    one = FLOAT_BYTES * max(_input_floats(spec.network_input_shape), _output_floats(spec))
    largest_own = getattr(settings, f"max_{size_option}") * _input_floats(own_input_shape(spec.entry))
    limit = max(settings.work_memory_bytes, FLOAT_BYTES * largest_own)
    if batch_size * one <= limit:
        return
    fitting = limit // one
    advice = (
        f"set {size_option} to {fitting} or less, or use another model" if fitting else "use another model"
    )
    raise InvalidOptionError(
        f"{size_option} {batch_size} takes {batch_size * one // MIB} MiB for one batch of the {model_option} "
        f"'{spec.entry.name}', and this server has {limit // MIB} MiB for it (a quarter of request_memory_bytes): "
        f"{advice}",
        field=size_option if fitting else model_option,
    )


def _input_floats(shape: tuple[int, int, int]) -> int:
    channels, height, width = shape
    return channels * height * width


def _output_floats(spec: ModelSpec) -> int:
    """Returns a bound of the numbers that the network gives for one image."""
    _, height, width = spec.input_shape
    match spec.entry.task:
        case ModelTask.DETECTION:
            return len(spec.classes) * height * width
        case ModelTask.RECOGNITION:
            return max(MAX_STEPS, width // PIXELS_PER_STEP) * (len(spec.vocab) + 1)
    return 0
