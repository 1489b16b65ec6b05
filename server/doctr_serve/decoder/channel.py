"""Messages between the server and a decoder process, over one end of a socket pair.

A message is a 4-byte little-endian length and that much JSON; pixels follow as raw bytes. JSON and not
pickle: a decoder that a hostile document has taken over must not be able to run code in the server. A
document travels as a file descriptor (SCM_RIGHTS), so neither its bytes nor a path crosses the socket.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
from collections.abc import Callable
from typing import Any

__all__ = ["MAX_MESSAGE_BYTES", "Channel", "ChannelClosedError", "Readable"]

LENGTH = struct.Struct("<I")
# The largest message is the list of page sizes: about 14 bytes for each page of a request.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


Readable = Callable[[float], bool]
"""Waits at most so many seconds; whether there is something to read, or the other end is gone."""


class ChannelClosedError(Exception):
    """The other end is gone, or what it sends is no message."""


class Channel:
    """One end of the socket pair.

    Args:
        connection: a blocking socket; the channel owns it from now on.

    Attributes:
        wait_readable: called before every read with what waits at most so many seconds and says whether there is
            something to read; returns when there is, raises to give up. None waits for good.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self.wait_readable: Callable[[Readable], None] | None = None

    def send(self, message: dict[str, Any], descriptor: int | None = None) -> None:
        """Sends a message, and with it a copy of an open file descriptor.

        Raises:
            ChannelClosedError: the other end is gone.
        """
        body = json.dumps(message, separators=(",", ":")).encode()
        data = LENGTH.pack(len(body)) + body
        try:
            if descriptor is not None:
                sent = socket.send_fds(self._socket, [data], [descriptor])
                data = data[sent:]
            self.send_bytes(data)
        except OSError as error:
            raise ChannelClosedError from error

    def send_bytes(self, data: bytes) -> None:
        """Sends raw bytes; waits until the other end took them."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ChannelClosedError from error

    def receive(self) -> tuple[dict[str, Any], int | None]:
        """Returns the next message and the descriptor that came with it, which the caller then owns.

        Raises:
            ChannelClosedError: the other end is gone or talks nonsense.
        """
        header = bytearray(LENGTH.size)
        descriptor = self._receive_into(memoryview(header), with_descriptor=True)
        (length,) = LENGTH.unpack(header)
        if length > MAX_MESSAGE_BYTES:
            raise ChannelClosedError
        body = bytearray(length)
        self._receive_into(memoryview(body))
        try:
            message = json.loads(body)
        except ValueError as error:
            raise ChannelClosedError from error
        if not isinstance(message, dict):
            raise ChannelClosedError
        return message, descriptor

    def receive_into(self, buffer: memoryview) -> None:
        """Fills ``buffer`` with raw bytes."""
        self._receive_into(buffer)

    def _receive_into(self, buffer: memoryview, *, with_descriptor: bool = False) -> int | None:
        descriptor = None
        filled = 0
        while filled < len(buffer):
            # Before every read, so that neither silence nor single bytes, however slow, evade whoever waits.
            if self.wait_readable is not None:
                self.wait_readable(self._is_readable)
            try:
                if with_descriptor:
                    data, descriptor = self._receive_with_descriptor(len(buffer) - filled, descriptor)
                    count = len(data)
                    buffer[filled : filled + count] = data
                else:
                    count = self._socket.recv_into(buffer[filled:])
            except OSError as error:
                raise ChannelClosedError from error
            if count == 0:
                raise ChannelClosedError
            filled += count
        return descriptor

    def _receive_with_descriptor(self, max_bytes: int, held: int | None) -> tuple[bytes, int | None]:
        """Returns bytes, and the last descriptor that came so far; a caller is sent no more than one."""
        data, descriptors, _, _ = socket.recv_fds(self._socket, max_bytes, 1)
        for descriptor in descriptors:
            if held is not None:
                os.close(held)
            held = descriptor
        return data, held

    def _is_readable(self, timeout_s: float) -> bool:
        return bool(self._readable.poll(timeout_s * 1000))

    def close(self) -> None:
        """Closes this end; the other one reads end-of-file."""
        self._socket.close()
