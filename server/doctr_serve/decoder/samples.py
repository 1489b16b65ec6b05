"""Grey samples of more than 8 bits, as 8-bit RGB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Samples", "to_eight_bits"]

# Rows looked at together have about this many samples.
BAND_SAMPLES = 128 * 1024


@dataclass(frozen=True)
class Samples:
    """What Pillow's mode does not say of them.

    Attributes:
        bits: of the full scale of 16-bit samples: 12 where the file holds 12.
        is_unsigned: whether 32-bit integers are unsigned, which Pillow's mode ``I`` cannot hold.
        is_white_zero: whether 0 stands for white.
    """

    bits: int = 16
    is_unsigned: bool = False
    is_white_zero: bool = False


def to_eight_bits(image: Image.Image, samples: Samples) -> Callable[[Image.Image], Image.Image]:
    """Returns what makes 8-bit RGB of parts of a 16-bit, 32-bit or float grey image.

    16 bits lose the lower byte, as OpenCV and libpng do it. Wider samples have no agreed full scale: the
    smallest of 1.0 (floats), 8 bits and 16 bits that holds every sample is taken for it; samples outside of
    all of these are stretched from their least to their greatest.

    Args:
        image: the whole image, whose least and greatest samples count.
        samples: what they mean.
    """
    import numpy as np  # Half of a decoder's start, for images that hardly anybody sends.

    scale = _scale(image, samples)

    def convert(part: Image.Image) -> Image.Image:
        grey = scale(_array(part, samples))
        return Image.fromarray(np.uint8(255) - grey if samples.is_white_zero else grey).convert("RGB")

    return convert


def _array(part: Image.Image, samples: Samples) -> NDArray[Any]:
    """(height, width): uint16, or finite float32."""
    import numpy as np

    array = np.asarray(part)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return array
    if samples.is_unsigned and array.dtype == np.int32:
        array = array.view(np.uint32)
    return np.nan_to_num(array.astype(np.float32), posinf=0.0, neginf=0.0)


def _scale(image: Image.Image, samples: Samples) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
    import numpy as np

    if image.mode.startswith("I;16"):
        return lambda array: (array >> (samples.bits - 8)).astype(np.uint8)
    low, high = np.inf, -np.inf
    for part in _parts(image):
        array = _array(part, samples)
        low, high = min(low, float(array.min())), max(high, float(array.max()))
    if low >= 0 and high <= 1 and image.mode.startswith("F"):
        return lambda array: np.rint(array * 255).astype(np.uint8)
    if low >= 0 and high <= 255:
        return lambda array: np.rint(array).astype(np.uint8)
    if low >= 0 and high <= 65535:
        return lambda array: (array / 256).astype(np.uint8)
    return lambda array: np.rint((array - low) / max(high - low, 1e-30) * 255).astype(np.uint8)


def _parts(image: Image.Image) -> Iterator[Image.Image]:
    rows = max(1, BAND_SAMPLES // image.width)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))
