"""Whose a call is: the address it comes from, through a proxy too."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import grpc

__all__ = ["Network", "caller_of", "parse_networks"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED_FOR_KEY = "x-forwarded-for"
MAX_CALLER_LENGTH = 64
"""Characters of an address; an IPv6 one with its zone and port has fewer."""


def parse_networks(names: Sequence[str]) -> list[Network]:
    """Returns the networks of these names, such as ``10.0.0.0/8`` or a single address.

    Raises:
        ValueError: a name is no network.
    """
    return [ipaddress.ip_network(name) for name in names]


def caller_of(context: grpc.ServicerContext, trusted_proxies: Sequence[Network]) -> str:
    """Returns what tells this call's caller from others.

    It is the connection, as grpc names it; of a call that a trusted proxy passes on the address that the proxy saw,
    the last one of ``x-forwarded-for`` (what stands before it anybody can have written).

    Args:
        context: grpc's context of the call.
        trusted_proxies: whose ``x-forwarded-for`` is believed.
    """
    peer = context.peer()
    if _is_trusted(peer, trusted_proxies):
        forwarded = dict(context.invocation_metadata()).get(FORWARDED_FOR_KEY, "")
        address = str(forwarded).rpartition(",")[2].strip()[:MAX_CALLER_LENGTH]
        if address:
            return address
    return peer


def _is_trusted(peer: str, trusted_proxies: Sequence[Network]) -> bool:
    """Whether a peer, ``ipv4:127.0.0.1:1234``, ``ipv6:%5B::1%5D:1234`` or ``unix:…``, is a trusted proxy."""
    scheme, _, rest = peer.partition(":")
    if scheme == "unix":  # who may open the socket is the file system's matter
        return True
    host = rest.rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in trusted_proxies)
