"""A PDF in the clear whose attachment alone is encrypted (ISO 32000-1, 7.6.5), which pikepdf does not write."""

from __future__ import annotations

import hashlib

__all__ = ["with_encrypted_attachment"]

PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
FILE_ID = b"0123456789abcdef"
PERMISSIONS = -4


def with_encrypted_attachment(password: bytes = b"secret") -> bytes:
    """A page "Cover page" and a file whose content needs ``password``; the rest needs none."""
    owner, user = _entries((password + PADDING)[:32])
    content = b"BT /F1 12 Tf 20 100 Td (Cover page) Tj ET"
    return _written(
        b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(a.txt) 6 0 R] >> >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Filespec /F (a.txt) /UF (a.txt) /EF << /F 7 0 R >> >>",
        b"<< /Type /EmbeddedFile /Length 5 >>\nstream\n\x01\x02\x03\x04\x05\nendstream",
        b"<< /Filter /Standard /V 4 /R 4 /Length 128 /P %d /O <%s> /U <%s> /StmF /Identity /StrF /Identity /EFF /StdCF "
        b"/CF << /StdCF << /Type /CryptFilter /CFM /V2 /Length 16 /AuthEvent /EFOpen >> >> >>"
        % (PERMISSIONS, owner.hex().encode(), user.hex().encode()),
    )


def _entries(padded: bytes) -> tuple[bytes, bytes]:
    """The entries O and U (ISO 32000-1, algorithms 3 and 5) of a user password that is the owner's, too."""
    owner = _rc4_times(_md5_times(padded), padded, range(20))
    key = _md5_times(padded + owner + (PERMISSIONS & 0xFFFFFFFF).to_bytes(4, "little") + FILE_ID)
    return owner, _rc4_times(key, _md5(PADDING + FILE_ID), range(20)) + bytes(16)


def _md5_times(data: bytes) -> bytes:
    for _ in range(51):
        data = _md5(data)
    return data


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _rc4_times(key: bytes, data: bytes, rounds: range) -> bytes:
    for number in rounds:
        data = _rc4(bytes(byte ^ number for byte in key), data)
    return data


def _rc4(key: bytes, data: bytes) -> bytes:
    state, i, j = list(range(256)), 0, 0
    for k in range(256):
        j = (j + state[k] + key[k % len(key)]) % 256
        state[k], state[j] = state[j], state[k]
    j, out = 0, bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def _written(*objects: bytes) -> bytes:
    file, offsets = bytearray(b"%PDF-1.6\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    identity = FILE_ID.hex().encode()
    file += b"trailer\n<< /Size %d /Root 1 0 R /Encrypt %d 0 R /ID [<%s> <%s>] >>\n" % (
        len(objects) + 1,
        len(objects),
        identity,
        identity,
    )
    return bytes(file + b"startxref\n%d\n%%%%EOF\n" % start)
