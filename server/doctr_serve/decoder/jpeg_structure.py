"""What a JPEG's markers say: which kind it is, and how much of it can be there (ITU-T T.81, annex B)."""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

__all__ = ["JpegStructure", "bytes_from", "count_scans", "read_structure"]

# Bytes of markers before the first scan: profiles and previews of some megabytes come in segments of 64 KiB.
MAX_SEGMENTS = 4096
# Bytes of entropy-coded data in which further scans are looked for at a time.
BLOCK_BYTES = 1024 * 1024

SOI, SOS, EOI, DHT = 0xD8, 0xDA, 0xD9, 0xC4
# Without DHT (C4), JPG (C8) and DAC (CC), which lie among the frame headers.
FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
PROGRESSIVE = (0xC2, 0xCA)
ARITHMETIC = (0xC9, 0xCA)
LOSSLESS = 0xC3
# T.81, table B.2: samples of 8 bits, or of 12; lossless ones of 2 to 16. Anything else is damage.
TWELVE_BITS = 12

# Kinds that libjpeg does not read.
_KINDS = {
    0xC5: "hierarchical JPEG",
    0xC6: "hierarchical JPEG",
    0xC7: "hierarchical JPEG",
    0xCB: "arithmetic-coded lossless JPEG",
    0xCD: "hierarchical JPEG",
    0xCE: "hierarchical JPEG",
    0xCF: "hierarchical JPEG",
    0xF7: "JPEG-LS",
}
# Kinds that libjpeg-turbo reads from version 3 on, or as it is built.
_RARE_KINDS = {0xC3: "lossless JPEG", 0xC9: "arithmetic-coded JPEG", 0xCA: "arithmetic-coded JPEG"}


@dataclass
class JpegStructure:
    """What stands before the first scan.

    Attributes:
        frame: the frame header's marker, 0xC0 to 0xCF; None where there is none.
        precision: bits of a sample.
        height: pixels; 0 where the file gives it later.
        width: pixels.
        sampling: horizontal and vertical factor of each component.
        shortest_codes: bits of the shortest code of each Huffman table, by class and number (0x00 DC, 0x10 AC).
        scan_start: where the entropy-coded data begins; None where the file has none.
        components_in_scan: components of the first scan.
    """

    frame: int | None = None
    precision: int = 8
    height: int = 0
    width: int = 0
    sampling: list[tuple[int, int]] = field(default_factory=list)
    shortest_codes: dict[int, int] = field(default_factory=dict)
    scan_start: int | None = None
    components_in_scan: int = 0

    @property
    def kind(self) -> str | None:
        """The kind's name where it is one that cannot be read; None for an ordinary JPEG."""
        if self.frame in _KINDS:
            return _KINDS[self.frame]
        if self.precision == TWELVE_BITS or (self.frame == LOSSLESS and 8 < self.precision <= 16):
            return f"{self.precision}-bit JPEG"
        return "JPEG of 2 components" if len(self.sampling) == 2 else None

    @property
    def rare_kind(self) -> str | None:
        """The kind's name where it depends on libjpeg whether it can be read; None for others."""
        return _RARE_KINDS.get(self.frame or 0)

    @property
    def is_arithmetic(self) -> bool:
        """Whether it is coded arithmetically; libjpeg must then have all of the data at once."""
        return self.frame in ARITHMETIC

    @property
    def has_one_scan(self) -> bool:
        """Whether rows come one after the other, so that a cut file lacks the last ones."""
        return self.frame not in PROGRESSIVE and self.components_in_scan == len(self.sampling)

    def most_that_can_be_there(self, scan_bytes: int) -> float:
        """Returns the largest share of the first scan that so many bytes can hold, 0 to 1.

        Every block of 8 x 8 samples takes a code for its mean, and in a sequential JPEG one more that ends it: as
        many bits as the shortest codes of the tables. Arithmetic codes have no shortest one.
        """
        if self.is_arithmetic:
            return 1.0
        across = max((factor for factor, _ in self.sampling), default=1)
        along = max((factor for _, factor in self.sampling), default=1)
        units = math.ceil(self.width / (8 * across)) * math.ceil(self.height / (8 * along))
        in_scan = self.sampling[: self.components_in_scan]
        blocks = units * sum(horizontal * vertical for horizontal, vertical in in_scan)
        bits = min((bits for table, bits in self.shortest_codes.items() if table < 0x10), default=1)
        if self.frame not in PROGRESSIVE:
            bits += min((bits for table, bits in self.shortest_codes.items() if table >= 0x10), default=1)
        return min(1.0, scan_bytes * 8 / max(1, blocks * bits))


def read_structure(file: BinaryIO) -> JpegStructure:
    """Returns what the markers up to the first scan say; what is damaged is left out.

    Args:
        file: the JPEG, open for reading; its position is moved.
    """
    structure = JpegStructure()
    file.seek(2)
    for _ in range(MAX_SEGMENTS):
        marker = _next_marker(file)
        if marker is None or marker == EOI:
            break
        (length,) = struct.unpack(">H", file.read(2).rjust(2, b"\0"))
        body = file.read(max(0, length - 2))
        if marker in FRAMES and len(body) >= 6:
            _take_frame(structure, marker, body)
        elif marker == DHT:
            _take_tables(structure, body)
        elif marker == SOS:
            structure.scan_start = file.tell()
            structure.components_in_scan = body[0] if body else 0
            break
    return structure


def count_scans(file: BinaryIO, start: int) -> int:
    """Returns how many further scans begin behind ``start``."""
    file.seek(start)
    count, last = 0, b""
    while block := file.read(BLOCK_BYTES):
        count += (last + block).count(b"\xff\xda")
        last = block[-1:]
    return count


def bytes_from(file: BinaryIO, start: int) -> int:
    """Returns how many bytes follow from ``start`` on."""
    return max(0, file.seek(0, os.SEEK_END) - start)


def _next_marker(file: BinaryIO) -> int | None:
    """The next marker's second byte; fill bytes and what stands between segments are skipped."""
    for _ in range(MAX_SEGMENTS):
        byte = file.read(1)
        if not byte:
            return None
        if byte != b"\xff":
            continue
        while byte == b"\xff":
            byte = file.read(1)
        if byte and byte != b"\0" and not 0xD0 <= byte[0] <= SOI:
            return byte[0]
    return None


def _take_frame(structure: JpegStructure, marker: int, body: bytes) -> None:
    precision, height, width, count = struct.unpack(">BHHB", body[:6])
    if len(body) != 6 + 3 * count:
        return
    structure.frame, structure.precision, structure.height, structure.width = marker, precision, height, width
    factors = [body[7 + 3 * index] for index in range(count)]
    structure.sampling = [(factor >> 4 or 1, factor & 15 or 1) for factor in factors]


def _take_tables(structure: JpegStructure, body: bytes) -> None:
    while len(body) >= 17:
        counts = body[1:17]
        structure.shortest_codes[body[0]] = next(
            (bits for bits, count in enumerate(counts, start=1) if count), 1
        )
        body = body[17 + sum(counts) :]
