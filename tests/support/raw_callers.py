"""Callers of the REST edge that no HTTP library would be: they stop in the middle, drip, or do not read."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

__all__ = [
    "FORM_HEAD",
    "POST_HEAD",
    "connected",
    "drip",
    "frames",
    "get_over_http2",
    "received",
    "response_of",
]

TIMEOUT_S = 20.0
POST_HEAD = (
    b"POST /ocr HTTP/1.1\r\nhost: edge\r\ncontent-type: multipart/form-data; boundary=x\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
FORM_HEAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS, _HEADERS = 4, 1
_INITIAL_WINDOW_SIZE = 4
_END_STREAM_AND_HEADERS = 5


@contextmanager
def connected(url: str, *, receive_buffer_bytes: int | None = None) -> Iterator[socket.socket]:
    """A connection to ``http://host:port``; everything on it ends after ``TIMEOUT_S``."""
    parts = urlsplit(url)
    with socket.socket() as connection:
        if receive_buffer_bytes is not None:  # before it connects, or the window is announced already
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        connection.settimeout(TIMEOUT_S)
        connection.connect((parts.hostname, parts.port))
        yield connection


def drip(connection: socket.socket, piece: bytes, *, interval_s: float) -> None:
    """Sends the piece again and again, until the other side answers or closes."""
    give_up_at = time.monotonic() + TIMEOUT_S
    connection.settimeout(interval_s)
    try:
        while time.monotonic() < give_up_at:
            connection.sendall(piece)
            try:
                connection.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                continue
            return
        raise AssertionError(f"no answer within {TIMEOUT_S} s")
    finally:
        connection.settimeout(TIMEOUT_S)


def response_of(connection: socket.socket) -> httpx.Response:
    """The HTTP/1 answer, whole."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


def received(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1024 * 1024):
            pieces.append(piece)
    return b"".join(pieces)


def get_over_http2(connection: socket.socket, path: str, *, window_bytes: int) -> None:
    """Asks for a path, and allows as many bytes of the answer's body."""
    settings = _INITIAL_WINDOW_SIZE.to_bytes(2, "big") + window_bytes.to_bytes(4, "big")
    # RFC 7541: two fields of the static table, and two whose names are in it.
    fields = b"\x82\x86" + b"".join(
        bytes([index, len(value)]) + value for index, value in ((4, path.encode()), (1, b"edge"))
    )
    connection.sendall(
        _PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_HEADERS, _END_STREAM_AND_HEADERS, 1, fields)
    )


def frames(connection: socket.socket) -> Iterator[int]:
    """The types of the HTTP/2 frames that come."""
    with connection.makefile("rb") as stream:
        while len(header := stream.read(9)) == 9:
            stream.read(int.from_bytes(header[:3], "big"))
            yield header[3]


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
