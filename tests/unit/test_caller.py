from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from doctr_serve.rpc.caller import caller_of, parse_networks

TRUSTED = parse_networks(["127.0.0.0/8", "::1", "10.1.0.0/16"])


def context(peer: str, forwarded_for: str | None = None) -> Any:
    metadata = () if forwarded_for is None else (("x-forwarded-for", forwarded_for),)
    return SimpleNamespace(peer=lambda: peer, invocation_metadata=lambda: metadata)


@pytest.mark.parametrize(
    "peer", ["ipv4:127.0.0.1:50000", "ipv6:%5B::1%5D:50000", "ipv6:[::1]:50000", "ipv4:10.1.2.3:1", "unix:"]
)
def test_a_trusted_proxy_says_who_calls(peer: str) -> None:
    assert caller_of(context(peer, "203.0.113.7"), TRUSTED) == "203.0.113.7"


def test_only_the_address_that_the_proxy_itself_saw_counts() -> None:
    forged = context("ipv4:127.0.0.1:50000", "198.51.100.1, 203.0.113.7")
    assert caller_of(forged, TRUSTED) == "203.0.113.7"


@pytest.mark.parametrize("peer", ["ipv4:192.0.2.1:50000", "ipv6:%5B2001:db8::1%5D:50000", "", "something"])
def test_from_anybody_else_the_header_is_not_believed(peer: str) -> None:
    assert caller_of(context(peer, "203.0.113.7"), TRUSTED) == peer


@pytest.mark.parametrize("forwarded", [None, "", " , "])
def test_without_an_address_from_the_proxy_the_connection_counts(forwarded: str | None) -> None:
    assert caller_of(context("ipv4:127.0.0.1:50000", forwarded), TRUSTED) == "ipv4:127.0.0.1:50000"


def test_what_a_proxy_passes_on_is_bounded() -> None:
    assert len(caller_of(context("unix:", "x" * 100_000), TRUSTED)) <= 64


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not-a-network"):
        parse_networks(["not-a-network"])
