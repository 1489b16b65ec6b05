"""Every kind of TIFF is read right, as tifffile reads it, or refused by its name; none is read wrongly."""

from __future__ import annotations

import io
import itertools
import struct
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from doctr_serve.errors import UnsupportedDocumentError
from PIL import Image, TiffImagePlugin
from support.samples import encoded, letter_image

HEIGHT, WIDTH = 48, 61
random = np.random.default_rng(0)
BASE = np.kron(random.integers(1, 256, (6, 8, 6)), np.ones((8, 8, 1)))[:HEIGHT, :WIDTH].astype(np.uint8)
LETTER = letter_image(width=310, font_pixels=8)


def tiff(samples: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **options)
    return file.getvalue()


def widened(samples: np.ndarray, dtype: str) -> np.ndarray:
    """The 8-bit samples on the full scale of another type."""
    if dtype.startswith("float"):
        return (samples / 255).astype(dtype)
    bits = np.iinfo(dtype).bits - (dtype[0] == "i")
    return (samples.astype(np.int64) * 2**bits // 256).astype(dtype)


def colours(count: int) -> np.ndarray:
    return BASE[..., 0] if count == 1 else BASE[..., :count]


def cases() -> dict[str, tuple[bytes, np.ndarray]]:
    """File and the 8-bit RGB that it shows, for each combination that tifffile writes."""
    found = {}
    for order, dtype, (photometric, count), planar, packed in itertools.product(
        "<>",
        ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "float32", "float64"),
        (("minisblack", 1), ("miniswhite", 1), ("rgb", 3), ("separated", 4)),
        ("contig", "separate"),
        (None, "zlib", "lzw", "zlib predictor", "packbits", "tiles", "strips"),
    ):
        if planar == "separate" and count == 1:
            continue
        samples = widened(colours(count), dtype)
        if planar == "separate":
            samples = np.moveaxis(samples, -1, 0)
        layout: dict[str, Any] = {
            "tiles": {"tile": (16, 32)},
            "strips": {"rowsperstrip": 7},
            "zlib predictor": {"compression": "zlib", "predictor": True},
        }.get(packed or "", {"compression": packed})
        options = {"photometric": photometric, "byteorder": order, **layout}
        if count > 1:
            options["planarconfig"] = planar
        try:
            content = tiff(samples, **options)
        except (ValueError, KeyError, NotImplementedError):  # tifffile writes no such file.
            continue
        shown = {
            "minisblack": lambda: np.repeat(BASE[..., :1], 3, axis=-1),
            "miniswhite": lambda: 255 - np.repeat(BASE[..., :1], 3, axis=-1),
            "rgb": lambda: BASE[..., :3],
            "separated": lambda: np.asarray(Image.fromarray(BASE[..., :4], "CMYK").convert("RGB")),
        }[photometric]()
        found[f"{order} {dtype} {photometric} {planar} {packed}"] = content, shown
    return found


CASES = cases()


def page_or_kind(read, content: bytes) -> np.ndarray | None:
    """The page's pixels; None where it is refused as a kind that is not read."""
    (page,) = read(content)
    if page.error is None:
        return page.image
    assert isinstance(page.error, UnsupportedDocumentError), page.error
    assert "a TIFF of " in page.error.message
    return None


def stretched(image: np.ndarray) -> np.ndarray:
    """From the least to the greatest sample, as wide samples of no agreed scale are shown."""
    low, high = int(image.min()), int(image.max())
    return np.rint((image.astype(float) - low) / (high - low) * 255)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float"])
def test_every_sample_format_is_read_right_or_refused_by_name(read, dtype: str) -> None:
    outcomes = {}
    for name, (content, shown) in CASES.items():
        if f" {dtype}" not in name:
            continue
        image = page_or_kind(read, content)
        outcomes[name] = image is not None
        if image is None:
            continue
        assert image.shape == shown.shape, name
        expected = shown.astype(float)
        if dtype in ("uint32", "int32"):
            expected = stretched(shown)
        if dtype == "int16":  # 15 bits of the 16 that hold every sample.
            expected = np.floor(shown / 2)
        assert np.abs(image - expected).max() <= 2, name
    read_right = sum(outcomes.values())
    # What must be read, so that refusing is no way out.
    must = {
        "uint8": 1.0,
        "uint16": 0.9,
        "uint32": 0.08,
        "int8": 0,
        "int16": 0.15,
        "int32": 0.15,
        "float": 0.05,
    }
    assert read_right >= must[dtype] * len(outcomes), [name for name, ok in outcomes.items() if not ok]


EXTRAS = list(
    itertools.product(
        ("uint8", "uint16"),
        ("contig", "separate"),
        (("minisblack", 1), ("rgb", 3), ("separated", 4)),
        (["unspecified"], ["assocalpha"], ["unassalpha"], ["unassalpha", "unspecified"], ["unspecified"] * 2),
        (None, "zlib"),
    )
)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_further_samples_are_alpha_or_ignored_or_refused_by_name(read, dtype: str) -> None:
    outcomes = {}
    for depth, planar, (photometric, count), extras, compression in EXTRAS:
        if depth != dtype:
            continue
        name = f"{planar} {photometric} {extras} {compression}"
        ink = BASE[..., :count].astype(float)
        alpha = np.where(BASE[..., 4:5] > 128, 255, 0) if extras[0] != "unspecified" else BASE[..., 4:5]
        stored = ink * alpha / 255 if extras[0] == "assocalpha" else ink
        samples = np.concatenate([stored, alpha, BASE[..., 5:6]][: 1 + len(extras)], axis=-1)
        samples = widened(np.rint(samples).astype(np.uint8), dtype)
        content = tiff(
            np.moveaxis(samples, -1, 0) if planar == "separate" else samples,
            photometric=photometric,
            planarconfig=planar,
            extrasamples=extras,
            compression=compression,
        )
        image = page_or_kind(read, content)
        outcomes[name] = image is not None
        if image is None:
            continue
        shown = np.repeat(ink, 3, axis=-1) if count == 1 else ink[..., :3]
        if count == 4:
            shown = np.asarray(Image.fromarray(BASE[..., :4], "CMYK").convert("RGB")).astype(float)
        if extras[0] != "unspecified":
            shown = shown * (alpha / 255) + 255 * (1 - alpha / 255)
        assert np.abs(image - shown).max() <= 2, name
    assert outcomes["contig rgb ['unassalpha'] None"]
    assert outcomes["contig rgb ['assocalpha'] zlib"]
    assert outcomes["separate rgb ['unassalpha'] None"]


@pytest.mark.parametrize(
    "kind", ["jpeg", "webp", "zstd", "lzma", "packbits", "jpeg2000", "lerc", "png", "jpegxr"]
)
def test_every_compression_is_read_right_or_refused_by_name(read, kind: str) -> None:
    content = tiff(BASE[..., :3], photometric="rgb", compression=kind)
    expected = tifffile.TiffFile(io.BytesIO(content)).pages[0].asarray()
    image = page_or_kind(read, content)
    if image is None:
        assert kind in ("webp", "jpeg2000", "lerc", "png", "jpegxr")
        return
    assert np.abs(image.astype(int) - expected).max() <= 2


@pytest.mark.parametrize(("kind", "name"), [("webp", "WebP"), ("jpeg2000", "JPEG 2000"), ("lerc", "LERC")])
def test_a_compression_that_is_not_read_is_named(read, kind: str, name: str) -> None:
    (page,) = read(tiff(BASE[..., :3], photometric="rgb", compression=kind))
    if page.error is None:
        pytest.skip(f"this build of Pillow reads {name}")
    assert f"a TIFF of 8-bit RGB samples compressed as {name} is not read" in page.error.message


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
def test_subsampled_chroma_is_read_as_tifffile_reads_it(read, subsampling: tuple[int, int]) -> None:
    content = tiff(BASE[..., :3], photometric="ycbcr", compression="jpeg", subsampling=subsampling)
    expected = tifffile.TiffFile(io.BytesIO(content)).pages[0].asarray()
    assert np.abs(read(content)[0].image.astype(int) - expected).max() <= 2


def raw_ycbcr(subsampling: tuple[int, int]) -> bytes:
    """Uncompressed YCbCr (TIFF 6.0, section 21): a grey ramp, its chroma 128, in data units."""
    across, along = subsampling
    grey = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (32, 1))
    units = grey.reshape(32 // along, along, 64 // across, across).transpose(0, 2, 1, 3)
    units = units.reshape(32 // along, 64 // across, across * along)
    chroma = np.full((*units.shape[:2], 2), 128, np.uint8)
    data = np.concatenate([units, chroma], axis=-1).tobytes()
    bits, white = 8 + len(data), 8 + len(data) + 6
    tags = [(256, 3, 1, 64), (257, 3, 1, 32), (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 6)]
    tags += [(273, 4, 1, 8), (277, 3, 1, 3), (278, 3, 1, 32), (279, 4, 1, len(data))]
    tags += [(530, 3, 2, across | along << 16), (532, 5, 6, white)]
    directory = white + 48
    reference = struct.pack(
        "<12I", *(number for value in (0, 255, 128, 255, 128, 255) for number in (value, 1))
    )
    return (
        b"II*\0"
        + struct.pack("<I", directory)
        + data
        + struct.pack("<3H", 8, 8, 8)
        + reference
        + struct.pack("<H", len(tags))
        + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        + bytes(4)
    )


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
def test_uncompressed_subsampled_chroma_is_read_right(read, subsampling: tuple[int, int]) -> None:
    image = page_or_kind(read, raw_ycbcr(subsampling))
    assert image is not None
    ramp = np.arange(0, 256, 4)
    assert np.abs(image.astype(int) - ramp[None, :, None]).max() <= 2


@pytest.mark.parametrize("photometric", ["icclab", "itulab", "cfa", "linear_raw", "logluv"])
def test_colours_that_are_not_read_are_refused_by_name(read, photometric: str) -> None:
    samples = BASE[..., 0] if photometric == "cfa" else BASE[..., :3]
    assert page_or_kind(read, tiff(samples, photometric=photometric)) is None


def test_a_palette_of_16_bits_and_one_of_8_bits_show_the_same(read) -> None:
    palette = random.integers(0, 256, (3, 256), dtype=np.uint16)
    index = BASE[..., 0]
    for colormap in (palette * 256, palette):
        (page,) = read(tiff(index, photometric="palette", colormap=colormap))
        np.testing.assert_array_equal(page.image, palette.T[index].astype(np.uint8))


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("is_white_zero", [False, True])
def test_few_bits_fill_the_scale(read, bits: int, is_white_zero: bool) -> None:
    levels = random.integers(0, 1 << bits, (20, 33), dtype=np.uint8)
    packed = np.packbits(
        np.unpackbits(levels[..., None], axis=-1)[..., 8 - bits :].reshape(20, -1), axis=-1
    ).tobytes()
    tags = [(256, 3, 1, 33), (257, 3, 1, 20), (258, 3, 1, bits), (259, 3, 1, 1)]
    tags += [(262, 3, 1, int(not is_white_zero)), (273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 20)]
    tags += [(279, 4, 1, len(packed))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    padded = packed + b"\0" * (len(packed) % 2)
    content = b"II*\0" + struct.pack("<I", 8 + len(padded)) + padded + directory
    expected = levels.astype(int) * 255 // ((1 << bits) - 1)
    image = page_or_kind(read, content)
    assert image is not None
    np.testing.assert_array_equal(image[..., 0], 255 - expected if is_white_zero else expected)


def test_12_bits_fill_the_scale(read) -> None:
    grey = BASE[..., 0].astype(np.uint16) << 4
    (page,) = read(tiff(grey, photometric="minisblack", bitspersample=12))
    np.testing.assert_array_equal(page.image[..., 1], BASE[..., 0])


@pytest.mark.parametrize("bits", [10, 14])
def test_odd_depths_are_refused_by_name(read, bits: int) -> None:
    content = tiff(BASE[..., 0].astype(np.uint16), photometric="minisblack", bitspersample=bits)
    (page,) = read(content)
    assert f"a TIFF of {bits}-bit grey samples" in page.error.message


@pytest.mark.parametrize("compression", [None, "group3", "group4", "tiff_lzw"])
def test_bits_in_the_other_order_are_read_as_opencv_reads_them(read, compression: str | None) -> None:
    content = encoded(
        LETTER.convert("1"), "TIFF", compression=compression, tiffinfo={266: 2} if compression else {}
    )
    np.testing.assert_array_equal(
        read(content)[0].image, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    )


def test_pillow_alone_reads_some_kinds_wrongly() -> None:
    """Why they are corrected here: should Pillow learn them, the corrections may go."""
    content = tiff(
        np.moveaxis(widened(BASE[..., :3], "uint16"), -1, 0), photometric="rgb", planarconfig="separate"
    )
    image = np.asarray(Image.open(io.BytesIO(content)))
    assert np.abs(image.astype(int) - BASE[..., :3]).max() > 100
    assert not TiffImagePlugin.READ_LIBTIFF
