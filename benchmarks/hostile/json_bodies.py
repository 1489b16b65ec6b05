"""Bodies of JSON that are deep, that are many things for nothing, or that never come."""

from __future__ import annotations

import base64
import socket
import time
from collections import Counter
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import httpx
from doctr_serve.settings import Settings

from benchmarks.harness import page_jpeg
from benchmarks.hostile.attack import Run, Target, attack
from benchmarks.hostile.calls import at_once

BODY_BYTES = Settings().max_message_bytes - 1024
"""Longest body that is taken."""
JSON = {"content-type": "application/json"}


def _posts(target: Target, body: bytes, path: str = "/v1/documents:stream") -> Run:
    def run(limit_s: float) -> str:
        answer = httpx.post(f"{target.rest}{path}", content=body, headers=JSON, timeout=limit_s)
        return f"{answer.status_code} {answer.text[:100]}"

    return run


@attack("json-deep")
def _json_deep(target: Target) -> Run:
    """As many opening brackets as fit into a body."""
    return _posts(target, b'{"documents": ' + b"[" * (BODY_BYTES - 20))


@attack("json-documents-x16")
def _json_documents(target: Target) -> Run:
    """As many empty documents as fit into a body, sixteen times at once."""
    count = (BODY_BYTES - 20) // 3
    return at_once(16, _posts(target, b'{"documents": [' + b"{}," * count + b"{}]}"))


@attack("json-escapes-x16")
def _json_escapes(target: Target) -> Run:
    """A name that is all escapes, each a character of four bytes, sixteen times at once."""
    name = b"\\ud83d\\ude00" * ((BODY_BYTES - 100) // 12)
    return at_once(16, _posts(target, b'{"documents": [{"name": "' + name + b'", "content": "eA=="}]}'))


@attack("json-digits")
def _json_digits(target: Target) -> Run:
    """A number of four million digits."""
    return _posts(target, b'{"detection_batch_size": ' + b"9" * (BODY_BYTES - 100) + b"}")


@attack("json-page-x16", requests=4)
def _json_page(target: Target) -> Run:
    """A page padded to the longest body, sixteen times at once."""
    page = page_jpeg(3)
    padded = base64.b64encode(page + bytes(BODY_BYTES * 3 // 4 - len(page) - 300))
    body = b'{"documents": [{"name": "a.jpg", "content": "' + padded + b'"}]}'
    return at_once(16, _posts(target, body, "/v1/documents:read"))


@attack("json-stalled", limit_s=90, beside_s=15)
def _json_stalled(target: Target) -> Run:
    """150 bodies that stop one byte before their end."""
    where = urlsplit(target.rest)
    head = f"POST /v1/documents:read HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON['content-type']}\r\n"
    body = b'{"documents": [{"name": "' + b"n" * (BODY_BYTES - 100)

    def run(limit_s: float) -> str:
        deadline = time.monotonic() + limit_s
        with ExitStack() as stack:
            connections = []
            for _ in range(150):
                connection = stack.enter_context(socket.create_connection((where.hostname, where.port or 80)))
                connection.settimeout(5)
                with suppress(OSError):  # it may be refused before all of it was sent
                    connection.sendall(f"{head}content-length: {len(body) + 1}\r\n\r\n".encode() + body)
                connections.append(connection)
            return _answers(connections, deadline)

    return run


def _answers(connections: list[socket.socket], deadline: float) -> str:
    found: Counter[str] = Counter()
    for connection in connections:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            found[connection.recv(4096).partition(b"\r\n")[0][:40].decode()] += 1
        except OSError as error:
            found[type(error).__name__] += 1
    return "; ".join(f"{times}x {answer}" for answer, times in found.most_common(3))
