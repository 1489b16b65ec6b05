"""Messages between the server and a decoder process, over one end of a socket pair.

A message is a 4-byte little-endian length and that much JSON; pixels follow as raw bytes. JSON and not
pickle: a decoder that a hostile document has taken over must not be able to run code in the server. A
document travels as a file descriptor (SCM_RIGHTS), so neither its bytes nor a path crosses the socket.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

__all__ = ["MAX_MESSAGE_BYTES", "Channel", "ChannelClosedError"]

LENGTH = struct.Struct("<I")
# The largest message is the list of page sizes: about 14 bytes for each page of a request.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class ChannelClosedError(Exception):
    """The other end is gone, or what it sends is no message."""


class Channel:
    """One end of the socket pair.

    Args:
        connection: the socket; the channel owns it from now on.
        on_wait: called whenever the socket's own timeout passed without a byte; raises to give up.
    """

    def __init__(self, connection: socket.socket, on_wait: Callable[[], None] | None = None) -> None:
        self._socket = connection
        self.on_wait = on_wait

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
            try:
                if with_descriptor:
                    data, descriptors, _, _ = socket.recv_fds(self._socket, len(buffer) - filled, 1)
                    count = len(data)
                    buffer[filled : filled + count] = data
                    for extra in descriptors:
                        if descriptor is not None:
                            os.close(descriptor)
                        descriptor = extra
                else:
                    count = self._socket.recv_into(buffer[filled:])
            except TimeoutError:
                if self.on_wait is not None:
                    self.on_wait()
                continue
            except OSError as error:
                raise ChannelClosedError from error
            if count == 0:
                raise ChannelClosedError
            filled += count
        return descriptor

    def close(self) -> None:
        """Closes this end; the other one reads end-of-file."""
        self._socket.close()
