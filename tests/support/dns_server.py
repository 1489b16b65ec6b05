"""A DNS server for one name with several addresses, as a headless service has: no library for a test this small.

Answers A queries (RFC 1035) over UDP, with a time to live of one second.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

TYPE_A = 1
NO_SUCH_NAME = 3


@contextmanager
def run_dns_server(name: str, addresses: Sequence[str]) -> Iterator[int]:
    """Answers for ``name`` until the block ends; yields the UDP port on 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(endpoint, name, addresses), daemon=True)
        thread.start()
        yield endpoint.getsockname()[1]


def _serve(endpoint: socket.socket, name: str, addresses: Sequence[str]) -> None:
    while True:
        try:
            query, sender = endpoint.recvfrom(4096)
        except OSError:
            return
        endpoint.sendto(_answer(query, name, addresses), sender)


def _answer(query: bytes, name: str, addresses: Sequence[str]) -> bytes:
    labels, position = [], 12
    while query[position]:
        length = query[position]
        labels.append(query[position + 1 : position + 1 + length].decode())
        position += 1 + length
    question = query[12 : position + 5]
    (query_type,) = struct.unpack_from("!H", query, position + 1)
    known = ".".join(labels) == name
    records = [
        # A pointer to the question's name, type A, class IN, time to live 1 s, 4 bytes of address.
        struct.pack("!HHHIH", 0xC00C, TYPE_A, 1, 1, 4) + socket.inet_aton(address)
        for address in addresses
        if known and query_type == TYPE_A
    ]
    flags = 0x8180 | (0 if known else NO_SUCH_NAME)
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)
