"""What is said of an address that nothing can listen on."""

from __future__ import annotations

import socket

import pytest
from doctr_serve.edge.listening import CannotListenError, require_free


@pytest.mark.parametrize("reuse_port", [False, True])
def test_an_address_that_is_taken_is_named(reuse_port: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=reuse_port) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            CannotListenError, match=rf"^127\.0\.0\.1:{port} is taken: .* name another address$"
        ):
            require_free("127.0.0.1", port)
        with pytest.raises(CannotListenError, match=rf"^0\.0\.0\.0:{port} is taken"):
            require_free("0.0.0.0", port)  # noqa: S104 - refused
        require_free("127.0.0.1", 0)
    require_free("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused_with_the_reason() -> None:
    with pytest.raises(CannotListenError, match=r"cannot listen on 192\.0\.2\.1:80.*: Cannot assign"):
        require_free("192.0.2.1", 8080)


def test_an_ipv6_address_is_written_in_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with pytest.raises(CannotListenError, match=r"cannot listen on \[2001:db8::1\]:8080: "):
        require_free("2001:db8::1", 8080)


def test_a_name_that_is_no_address_is_refused() -> None:
    with pytest.raises(CannotListenError, match=r"cannot listen on no-such-host\.invalid:8080: "):
        require_free("no-such-host.invalid", 8080)


def test_a_port_whose_last_connections_only_linger_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first lingers
        client.close()
    require_free("127.0.0.1", port)
