"""Which format a file has, by its first bytes: names and MIME types of uploads are often wrong."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ACCEPTED_FORMATS",
    "FILE_FORMATS",
    "FORMAT_NAMES",
    "HEAD_BYTES",
    "FileFormat",
    "guess_foreign_format",
    "sniff_format",
]


@dataclass(frozen=True)
class FileFormat:
    """A format of documents, as people and programs call it.

    Attributes:
        name: for people.
        media_types: MIME types, the registered one first.
        extensions: of files, with their dot, the usual one first.
    """

    name: str
    media_types: tuple[str, ...]
    extensions: tuple[str, ...]


# Source of the MIME types: https://www.iana.org/assignments/media-types; those that begin with x- are older names.
FILE_FORMATS = {
    "jpeg": FileFormat("JPEG", ("image/jpeg",), (".jpg", ".jpeg", ".jfif")),
    "png": FileFormat("PNG", ("image/png",), (".png",)),
    "pdf": FileFormat("PDF", ("application/pdf",), (".pdf",)),
    "tiff": FileFormat("TIFF", ("image/tiff",), (".tif", ".tiff")),
    "webp": FileFormat("WebP", ("image/webp",), (".webp",)),
    "gif": FileFormat("GIF", ("image/gif",), (".gif",)),
    "bmp": FileFormat("BMP", ("image/bmp", "image/x-ms-bmp"), (".bmp",)),
}
"""Of what :func:`sniff_format` returns."""

FORMAT_NAMES = {kind: file_format.name for kind, file_format in FILE_FORMATS.items()}
"""Of what :func:`sniff_format` returns, for people."""

_NAMES = list(FORMAT_NAMES.values())

ACCEPTED_FORMATS = f"{', '.join(_NAMES[:-1])} and {_NAMES[-1]}"

# PDFium, like Acrobat, looks for the header in the first 1024 bytes (ISO 32000-1, annex H, note 13).
HEAD_BYTES = 1024

# Sizes of the headers of OS/2 1 and 2, Windows 3, and its versions 2 to 5 (the ones that Pillow reads).
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)

# ISO/IEC 23008-12 and AV1 Image File Format: still pictures and sequences of them.
_HEIF_BRANDS = (
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"mif1",
    b"mif2",
    b"msf1",
    b"avif",
    b"avis",
)

_FOREIGN = {
    b"BM": "a BMP of an unknown version",
    b"GIF8": "a GIF without a size",
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"8BPS": "a Photoshop document",
    b"\x00\x00\x01\x00": "an icon",
    b"AT&TFORM": "DjVu",
    b"%!PS": "PostScript",
    b"\x1f\x8b": "a gzip archive",
    b"{\\rtf": "RTF",
}


def sniff_format(head: bytes) -> str | None:
    """Returns ``"jpeg"``, ``"png"``, ``"webp"``, ``"gif"``, ``"bmp"``, ``"tiff"`` or ``"pdf"``, or None.

    Args:
        head: the first ``HEAD_BYTES`` bytes of the file.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    # Classic TIFF and BigTIFF, both byte orders.
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "tiff"
    if head[:6] in (b"GIF87a", b"GIF89a") and any(head[6:10]):
        return "gif"
    if b"%PDF-" in head[:HEAD_BYTES]:
        return "pdf"
    # Two letters alone may begin a text; a BMP's header has one of a few sizes at the 15th byte.
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    return None


def guess_foreign_format(head: bytes) -> str | None:
    """Returns what a refused file looks like, for the message; None where it is not known."""
    if head[4:8] == b"ftyp":
        return "HEIC or AVIF" if head[8:12] in _HEIF_BRANDS else "a video"
    if head.lstrip()[:5].lower() in (b"<html", b"<!doc", b"<svg ", b"<?xml"):
        return "HTML, SVG or XML"
    return next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), None)
