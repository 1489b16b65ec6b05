"""Which kinds of TIFF images are read, and the names of those that are not.

A TIFF may hold samples of any depth and meaning. Pillow refuses most of the odd ones, but some it reads wrongly
(found by comparing every combination with tifffile, see ``tests/unit/documents/test_tiff_kinds.py``).
"""

from __future__ import annotations

from doctr_serve.decoder.tiff_directory import (
    BITS,
    COMPRESSION,
    EXTRA_SAMPLES,
    INK_SET,
    PHOTOMETRIC,
    PLANAR,
    SAMPLE_FORMAT,
    SAMPLES,
    SUBSAMPLING,
    TiffDirectory,
)

__all__ = ["UNSIGNED", "is_misread", "is_ordinary", "is_packed_as_usual", "kind_name", "needs_libtiff"]

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
IN_PLANES = 2
MIN_IS_WHITE, MIN_IS_BLACK, SEPARATED, YCBCR = 0, 1, 5, 6
UNCOMPRESSED = 1
CMYK_INKS = 1

# libtiff's compressions that Pillow's wheels are built with.
_BUILT_IN = (1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946, 34925, 50000)

_PHOTOMETRICS = {
    0: "grey",
    1: "grey",
    2: "RGB",
    3: "palette",
    4: "mask",
    5: "CMYK",
    6: "YCbCr",
    8: "CIELAB",
    9: "ICCLAB",
    10: "ITULAB",
    32803: "raw camera",
    32844: "LogL",
    32845: "LogLuv",
    34892: "linear raw camera",
}
_FORMATS = {SIGNED: "signed ", FLOAT: "float ", 4: "untyped ", 5: "complex ", 6: "complex float "}
_COMPRESSIONS = {
    6: "old-style JPEG",
    7: "JPEG",
    9: "JBIG",
    10: "JBIG",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34925: "LZMA",
    34933: "PNG",
    34934: "JPEG XR",
    22610: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}


def kind_name(directory: TiffDirectory) -> str:
    """Returns what an image is, for a message: "a TIFF of 32-bit float RGB samples compressed as WebP"."""
    bits = max(directory.numbers(BITS, (1,)))
    form = _FORMATS.get(directory.number(SAMPLE_FORMAT, UNSIGNED), "")
    colours = _PHOTOMETRICS.get(directory.number(PHOTOMETRIC, MIN_IS_WHITE), "unknown")
    alpha = " and alpha" if any(extra in (1, 2) for extra in directory.numbers(EXTRA_SAMPLES, ())) else ""
    planes = " in planes" if _is_planar(directory) else ""
    packed = _COMPRESSIONS.get(directory.number(COMPRESSION, UNCOMPRESSED))
    size = "big-endian BigTIFF" if directory.is_big_tiff and directory.is_big_endian else "TIFF"
    return f"a {size} of {bits}-bit {form}{colours}{alpha} samples{planes}" + (
        f" compressed as {packed}" if packed else ""
    )


def is_packed_as_usual(directory: TiffDirectory) -> bool:
    """Returns whether its compression is one that is always there: then data that does not unpack is damaged."""
    return directory.number(COMPRESSION, UNCOMPRESSED) in _BUILT_IN


def is_ordinary(directory: TiffDirectory) -> bool:
    """Returns whether every reader knows the kind: then a directory that makes no sense is damaged."""
    return (
        is_packed_as_usual(directory)
        and set(directory.numbers(BITS, (1,))) in ({1}, {8})
        and directory.number(SAMPLE_FORMAT, UNSIGNED) == UNSIGNED
        and directory.number(PHOTOMETRIC, -1) in (0, 1, 2, 3, 5, 6)
        and EXTRA_SAMPLES not in directory.values
    )


def needs_libtiff(directory: TiffDirectory) -> bool:
    """Returns whether Pillow's own reader of uncompressed TIFFs reads it wrongly, where libtiff reads it right.

    Planes of 16-bit samples come out as noise, planes with an alpha channel not at all, and the subsampled
    chroma of YCbCr is taken for pixels.
    """
    is_subsampled = directory.number(PHOTOMETRIC, MIN_IS_WHITE) == YCBCR and directory.numbers(
        SUBSAMPLING, (2, 2)
    ) != (1, 1)
    return _is_planar(directory) or is_subsampled


def is_misread(directory: TiffDirectory) -> bool:
    """Returns whether Pillow reads it wrongly, or takes it for a damaged one, with libtiff too."""
    bits = directory.numbers(BITS, (1,))
    form = directory.number(SAMPLE_FORMAT, UNSIGNED)
    photometric = directory.number(PHOTOMETRIC, MIN_IS_WHITE)
    extras = directory.numbers(EXTRA_SAMPLES, ())
    is_grey = photometric in (MIN_IS_WHITE, MIN_IS_BLACK)
    has_alpha = any(extra in (1, 2) for extra in extras)
    return (
        # Signed bytes are taken for unsigned ones.
        (form == SIGNED and max(bits) <= 8)
        # Grey and its alpha in planes: the alpha plane is taken for more of the grey one. Colours with alpha and a
        # further plane: an error.
        or (_is_planar(directory) and has_alpha and (is_grey or len(extras) > 1))
        # Its header is taken for that of a small TIFF (Pillow looks at the wrong byte of the version).
        or (directory.is_big_tiff and directory.is_big_endian)
        # Inks other than cyan, magenta, yellow and black.
        or (photometric == SEPARATED and directory.number(INK_SET, CMYK_INKS) != CMYK_INKS)
    )


def _is_planar(directory: TiffDirectory) -> bool:
    return directory.number(PLANAR, 1) == IN_PLANES and directory.number(SAMPLES, 1) > 1
