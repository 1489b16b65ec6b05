"""Whether an address can be listened on, asked before a program starts that would say it less clearly."""

from __future__ import annotations

import errno
import os
import socket

from doctr_serve.common.addresses import host_and_port

__all__ = ["CannotListenError", "require_free"]


class CannotListenError(RuntimeError):
    """Nothing can listen on an address, most often because another program does."""


def require_free(host: str, port: int) -> None:
    """Returns at once where a program may listen on the address; port 0 is always free.

    Args:
        host: an IP address, without brackets.
        port: the TCP port.

    Raises:
        CannotListenError: naming the address and what is wrong with it.
    """
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = host_and_port(host, port)
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListenError(
                f"{address} is taken: another program listens there, an earlier doctr-serve perhaps; "
                "stop it, or name another address"
            ) from None
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise CannotListenError(f"cannot listen on {address}: {reason}") from None
