"""What a page takes beside its pixels while it is worked on: it is counted before the work begins."""

from __future__ import annotations

from doctr.models.classification.predictor import OrientationPredictor
from doctr.models.detection.predictor import DetectionPredictor
from doctr.models.layout.predictor import LayoutPredictor
from doctr.models.preprocessor import PreProcessor
from doctr.models.table_structure.predictor import TablePredictor

from doctr_serve.inference.stages.crops import MIN_PIXELS_AT_ONCE
from doctr_serve.inference.stages.page_builder import ORDERING_BYTES
from doctr_serve.inference.stages.preprocessing import LARGE_IMAGE_PIXELS
from doctr_serve.inference.stages.recognition import StreamedRecognition
from doctr_serve.inference.stages.tables import MAX_CANVAS_PIXELS, MAX_SCALE_OF_CANVAS
from doctr_serve.inference.stages.turning import TurnedPixels

__all__ = ["LAYOUT_CHANNELS", "detecting_bytes", "recognition_bytes", "turning_bytes", "working_bytes"]

BYTES_PER_PIXEL = 3
FLOAT_BYTES = 4
CHANNELS = 3
LAYOUT_CHANNELS = 4
"""Those of the image, and the mask of its padding."""
RESIZE_COPIES = 1.5
"""A page that is not large becomes floats on its way to the network's input (``BatchedPreProcessor``), and is resized
along one side and then the other."""
FIXED_BYTES = 32 * 1024 * 1024
"""Boxes, heat maps, docTR's page of thousands of words, and what malloc loses between them."""
COPIES = 2
"""Of crops: as they are cut, and turned upright. Of a batch of pages or words:
itself, and what is made of it while docTR puts the outputs of its forwards together."""


def working_bytes(
    pixels: int,
    *,
    detection: DetectionPredictor,
    recognition: StreamedRecognition | None,
    text_orientation: OrientationPredictor | None,
    layout: LayoutPredictor | None,
    tables: TablePredictor | None,
    masked_pixels: int,
    is_ordered: bool,
) -> int:
    """Returns a bound of the bytes that one request holds beside its decoded pages, whatever is on them.

    What a runtime keeps between forwards is not the request's: it is there once for each that runs at a time.

    Args:
        pixels: of its largest page, as it is looked at: upright, where pages are turned.
        detection: the request's predictors.
        recognition: likewise; None where words are not read.
        text_orientation: likewise; None where crops are not classified.
        layout: likewise; None where regions are not looked for.
        tables: likewise; None where cells are not looked for.
        masked_pixels: of the pages of a batch, where regions of them are ignored; 0 elsewhere.
        is_ordered: whether what is on pages is put into reading order.
    """
    reading = recognition_bytes(pixels, recognition) if recognition is not None else FIXED_BYTES
    if text_orientation is not None and text_orientation.pre_processor is not None:
        reading += _batch_bytes(text_orientation.pre_processor)
    if tables is not None:
        canvas = MAX_SCALE_OF_CANVAS * pixels + MAX_CANVAS_PIXELS
        reading = max(reading, BYTES_PER_PIXEL * canvas + detecting_bytes(canvas, tables.pre_processor))
    if is_ordered:
        reading += ORDERING_BYTES
    # The maps of one class are in FIXED_BYTES.
    maps = (len(detection.model.spec.classes) - 1) * _batch_bytes(detection.pre_processor) // CHANNELS
    detecting = detecting_bytes(pixels, detection.pre_processor) + COPIES * maps
    if layout is not None:
        detecting = max(detecting, detecting_bytes(pixels, layout.pre_processor, LAYOUT_CHANNELS))
    return BYTES_PER_PIXEL * masked_pixels + max(detecting, reading)


def turning_bytes(turned: TurnedPixels, working: int) -> int:
    """Returns a bound of the bytes that one request holds that turns its pages, beside its decoded pages.

    Args:
        turned: what there is of upright pages.
        working: bytes that the work on upright pages takes; it begins when all of a batch are turned.
    """
    return BYTES_PER_PIXEL * turned.held + max(BYTES_PER_PIXEL * turned.turning, working)


def detecting_bytes(pixels: int, pre_processor: PreProcessor, channels: int = CHANNELS) -> int:
    """Returns a bound of the bytes that looking for something in whole pages of up to ``pixels`` takes."""
    resized = int(RESIZE_COPIES * BYTES_PER_PIXEL * FLOAT_BYTES * min(pixels, LARGE_IMAGE_PIXELS))
    return FIXED_BYTES + resized + COPIES * _batch_bytes(pre_processor, channels)


def recognition_bytes(pixels: int, recognition: StreamedRecognition) -> int:
    """Returns a bound of the bytes that reading the crops of a page of ``pixels`` takes."""
    crops = COPIES * BYTES_PER_PIXEL * max(pixels, MIN_PIXELS_AT_ONCE)
    return FIXED_BYTES + crops + COPIES * _batch_bytes(recognition.pre_processor)


def _batch_bytes(pre_processor: PreProcessor, channels: int = CHANNELS) -> int:
    height, width = pre_processor.resize.size
    return pre_processor.batch_size * channels * height * width * FLOAT_BYTES
