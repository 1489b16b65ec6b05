"""Addresses as gRPC and Envoy write them."""

from __future__ import annotations

__all__ = ["host_and_port"]


def host_and_port(host: str, port: int | str) -> str:
    """Returns ``host:port``, an IPv6 host in brackets (RFC 3986, section 3.2.2), whether or not it came in them."""
    host = host.strip("[]")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
