"""Any Pillow image as rows of 8-bit RGB, the way ``doctr.io.read_img_as_numpy`` gives them.

docTR reads images with ``cv2.imdecode(…, IMREAD_COLOR)``; grey, palette and 16-bit images come out the same
here, bit for bit. Transparent pixels do not: OpenCV drops the alpha channel and shows whatever colour lies
under it (often black text on black), here they are composited on white, as a viewer shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import ImageCms

__all__ = ["oriented", "rgb_bands"]

# Conversions work on bands of this many pixels, so that only one full-size copy of a page is in memory; small
# enough for the allocator to reuse the same pages (measured: bands of 12 MB cost ten times the time).
BAND_PIXELS = 128 * 1024

# EXIF orientation -> what turns the stored image upright (EXIF 3.0, tag 0x0112).
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def oriented(image: Image.Image, orientation: int) -> Image.Image:
    """Returns ``image`` turned upright.

    Args:
        image: as stored.
        orientation: EXIF orientation, 1 to 8.
    """
    return image.transpose(_TRANSPOSE[orientation]) if orientation in _TRANSPOSE else image


def rgb_bands(image: Image.Image) -> Iterator[bytes]:
    """Returns the image's rows from top to bottom as packed 8-bit RGB, a band at a time.

    Args:
        image: loaded, of any mode that Pillow's JPEG, PNG, TIFF and WebP readers produce.
    """
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_eight_bits(image))
    return _bands(image, _lab_transform() if image.mode == "LAB" else None)


def _bands(image: Image.Image, lab_to_rgb: ImageCms.ImageCmsTransform | None) -> Iterator[bytes]:
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        if lab_to_rgb is not None:
            band = lab_to_rgb.apply(band)
        elif band.has_transparency_data:
            band = band.convert("RGBA")
            band = Image.alpha_composite(Image.new("RGBA", band.size, "white"), band)
        yield (band if band.mode == "RGB" else band.convert("RGB")).tobytes()


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """A 16-bit, 32-bit or float grey image as (height, width) uint8.

    16 bits lose the lower byte, as OpenCV and libpng do it. Wider samples have no agreed full scale: the
    smallest of 1.0 (floats), 8 bits and 16 bits that holds every sample is taken for it; samples outside of
    all of these are stretched from their least to their greatest.
    """
    import numpy as np  # Half of a decoder's start, for images that hardly anybody sends.

    samples = np.asarray(image)
    if samples.dtype == np.uint16:
        return (samples >> 8).astype(np.uint8)
    samples = np.nan_to_num(samples.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(samples.min()), float(samples.max())
    if low >= 0 and high <= 1 and image.mode.startswith("F"):
        return np.rint(samples * 255).astype(np.uint8)
    if low >= 0 and high <= 255:
        return np.rint(samples).astype(np.uint8)
    if low >= 0 and high <= 65535:
        return (samples / 256).astype(np.uint8)
    return np.rint((samples - low) / max(high - low, 1e-30) * 255).astype(np.uint8)


def _lab_transform() -> ImageCms.ImageCmsTransform:
    """CIELAB (TIFF) to sRGB; ``Image.convert`` knows no LAB."""
    from PIL import ImageCms

    return ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
