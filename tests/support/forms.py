"""Forms as browsers and curl write them, and what the server's reader makes of them."""

from __future__ import annotations

from typing import Any, BinaryIO

from doctr_serve.common.memory_budget import MemoryBudget
from doctr_serve.rpc.intake.forms import FormReader
from doctr_serve.rpc.intake.spool import SpoolMemory

__all__ = [
    "BOUNDARY",
    "CONTENT_TYPE",
    "EMPTY_INPUT",
    "MIB",
    "body",
    "content_of",
    "file_part",
    "part",
    "read",
    "reader",
    "spool_memory",
]

BOUNDARY = "----formBoundary7MA4YWxkTrZu0gW"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
MIB = 1024 * 1024


def reader(
    content_type: str = CONTENT_TYPE,
    *,
    max_bytes: int = MIB,
    max_documents: int = 8,
    spool_memory_bytes: int = MIB,
) -> FormReader:
    return FormReader(
        content_type,
        max_bytes=max_bytes,
        max_documents=max_documents,
        memory=spool_memory(spool_memory_bytes),
    )


def spool_memory(document_bytes: int, *, all_bytes: int = 64 * MIB) -> SpoolMemory:
    return SpoolMemory(document_bytes, MemoryBudget(all_bytes))


def part(disposition: str | bytes, content: bytes, *headers: str) -> bytes:
    if isinstance(disposition, str):
        disposition = disposition.encode()
    lines = [b"--" + BOUNDARY.encode(), b"Content-Disposition: form-data; " + disposition]
    lines += [header.encode() for header in headers]
    return b"\r\n".join([*lines, b"", content]) + b"\r\n"


def file_part(name: str, content: bytes) -> bytes:
    return part(f'name="files"; filename="{name}"', content, "Content-Type: image/png")


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY.encode() + b"--\r\n"


def read(whole: bytes, **limits: Any) -> list[tuple[str, bytes, str]]:
    """Documents of a body fed at once, as (name, bytes, password)."""
    with reader(**limits) as form:
        form.feed(whole)
        return [(d.name, content_of(d.content), d.pdf_password) for d in form.finish()]


def content_of(content: bytes | BinaryIO) -> bytes:
    if isinstance(content, bytes):
        return content
    content.seek(0)
    return content.read()


EMPTY_INPUT = part('name="files"; filename=""', b"")
"""A file input of a page that was left empty."""
