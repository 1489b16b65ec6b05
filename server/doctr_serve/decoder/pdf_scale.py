"""At how many pixels per unit a PDF page is rendered."""

from __future__ import annotations

import math
from typing import NamedTuple

from doctr_serve.decoder.budget import Budget
from doctr_serve.decoder.failure import DecodeFailure

__all__ = ["RENDER_SCALE", "Scale", "chosen_scale", "pixels_of"]

# doctr/io/pdf.py, read_pdf: scale=2 (144 dpi), rev_byteorder for RGB, else defaults.
RENDER_SCALE = 2.0
# 9 dpi: text of 12 points is a pixel high. A page that would have to be rendered smaller shows nothing.
MIN_SCALE = 1 / 8
# PDFium's sizes are 32-bit floats: a scan of 1240 pixels would come out 1240.0001, and with 1241 pixels resampled.
ROUNDING = 1 - 1e-6


class Scale(NamedTuple):
    """A choice.

    Attributes:
        value: pixels per unit of the page.
        wanted: what it would be without the limit on pixels.
        user_unit: points per unit.
        is_scans_own: whether ``value`` is the scan's own resolution, so that nothing is lost.
    """

    value: float
    wanted: float
    user_unit: float
    is_scans_own: bool = False

    @property
    def dpi(self) -> float:
        """``value`` in pixels per inch."""
        return self.value * 72 / self.user_unit

    @property
    def wanted_dpi(self) -> float:
        """``wanted`` in pixels per inch."""
        return self.wanted * 72 / self.user_unit


def chosen_scale(
    width: float, height: float, user_unit: float, scan_scale: float | None, budget: Budget
) -> Scale:
    """Returns at which scale to render a page.

    docTR's scale; a scan's own where that is finer, up to ``max_scan_pixels``. Where docTR's gives more than
    ``max_page_pixels``: the scan's own if that is coarser and enough, because it loses nothing, else the largest
    within the limit.

    Args:
        width: of the page, in its units.
        height: as ``width``.
        user_unit: points per unit.
        scan_scale: the scan's pixels per unit; None for a page that is no scan.
        budget: knows how many pixels the page may have.

    Raises:
        DecodeFailure: the page has no extent, or is so large that nothing on it would be legible.
    """
    if not (width > 0 and height > 0):
        raise DecodeFailure("unreadable", "the page has no extent")
    wanted = RENDER_SCALE * user_unit
    value = _largest_within(width, height, wanted, budget.max_page_pixels)
    if scan_scale is not None:
        scan_scale *= ROUNDING
        wanted = max(wanted, scan_scale)
        value = max(value, _largest_within(width, height, wanted, budget.max_scan_pixels))
    if value < MIN_SCALE:
        raise DecodeFailure(
            "too_large",
            f"at {width:.0f} x {height:.0f} points nothing on it is legible within the "
            f"{budget.max_page_pixels} pixels that this server decodes; send it smaller",
        )
    if value < wanted and scan_scale is not None and scan_scale < value:
        return Scale(max(scan_scale, MIN_SCALE), wanted, user_unit, is_scans_own=True)
    return Scale(value, wanted, user_unit)


def pixels_of(length: float, scale: float) -> int:
    """Pixels along a side of ``length`` units, rounded as ``pypdfium2.PdfPage.render`` rounds."""
    return math.ceil(length * scale)


def _largest_within(width: float, height: float, scale: float, max_pixels: int) -> float:
    if not (math.isfinite(width) and math.isfinite(height)):
        return 0.0
    while scale >= MIN_SCALE:
        pixels = pixels_of(width, scale) * pixels_of(height, scale)
        if pixels <= max_pixels:
            return scale
        # Sides are rounded up, hence a little less than the root and another look.
        scale *= min(math.sqrt(max_pixels / pixels), 1.0) * 0.9999
    return 0.0
