"""Any Pillow image as rows of 8-bit RGB, the way ``doctr.io.read_img_as_numpy`` gives them.

docTR reads images with ``cv2.imdecode(…, IMREAD_COLOR)``; grey, palette and 16-bit images come out the same
here, bit for bit. Transparent pixels do not: OpenCV drops the alpha channel and shows whatever colour lies
under it (often black text on black), here they are composited on white, as a viewer shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PIL import Image

from doctr_serve.decoder.samples import Samples, to_eight_bits

if TYPE_CHECKING:
    from PIL import ImageCms

__all__ = ["BAND_PIXELS", "rgb_bands"]

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
# Of these the upright rows come from the end of the stored ones.
_FROM_THE_END = (3, 4, 7, 8)


def rgb_bands(
    image: Image.Image, orientation: int = 1, *, samples: Samples | None = None, is_opaque: bool = False
) -> Iterator[bytes]:
    """Returns the upright image's rows from top to bottom as packed 8-bit RGB, a band at a time.

    Args:
        image: loaded, as stored, of any mode that Pillow's readers of the accepted formats produce.
        orientation: EXIF orientation, 1 to 8.
        samples: what the samples of a grey image of more than 8 bits mean; None where Pillow's mode says it.
        is_opaque: whether an alpha channel is to be left out of account.
    """
    convert = _conversion(image, samples or Samples(), is_opaque)
    return _bands(image, orientation, convert)


def _bands(
    image: Image.Image, orientation: int, convert: Callable[[Image.Image], Image.Image]
) -> Iterator[bytes]:
    is_turned = orientation >= 5
    width, height = (image.height, image.width) if is_turned else image.size
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        first, last = top, min(top + rows, height)
        if orientation in _FROM_THE_END:
            first, last = height - last, height - first
        box = (first, 0, last, image.height) if is_turned else (0, first, image.width, last)
        band = convert(image.crop(box))
        if orientation in _TRANSPOSE:
            band = band.transpose(_TRANSPOSE[orientation])
        yield band.tobytes()


def _conversion(
    image: Image.Image, samples: Samples, is_opaque: bool
) -> Callable[[Image.Image], Image.Image]:
    """What makes RGB of a part of the image."""
    if image.mode.startswith(("I", "F")):
        return to_eight_bits(image, samples)
    if image.mode == "LAB":
        return _lab_to_rgb()
    if is_opaque:
        return lambda band: band.convert("RGB")
    return _on_white


def _on_white(band: Image.Image) -> Image.Image:
    if band.mode == "La":  # Pillow converts grey with premultiplied alpha to nothing but grey with alpha.
        band = band.convert("LA")
    if band.has_transparency_data:
        band = band.convert("RGBA")
        band = Image.alpha_composite(Image.new("RGBA", band.size, "white"), band)
    return band if band.mode == "RGB" else band.convert("RGB")


def _lab_to_rgb() -> Callable[[Image.Image], Image.Image]:
    """CIELAB (TIFF) to sRGB; ``Image.convert`` knows no LAB."""
    from PIL import ImageCms

    transform: ImageCms.ImageCmsTransform = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    return transform.apply
