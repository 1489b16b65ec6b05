"""A local HTTP(S) server whose answers a test writes, attempt by attempt."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """A running server.

    Attributes:
        address: ``http://127.0.0.1:<port>`` (``https://localhost:<port>`` with TLS).
        requests: every request so far: (method, target as it was sent, Range header).
        release: set it to let stalled answers end.
    """

    address: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def ranges(self) -> list[str | None]:
        """Range header of every request, in order."""
        return [sent_range for _, _, sent_range in self.requests]


Answer = Callable[[BaseHTTPRequestHandler, FileServer], None]
"""Writes one answer; the last one given is repeated."""


def content(body: bytes, *, ranges: bool = True) -> Answer:
    """The file, whole, or from the offset that is asked for (RFC 9110, section 14)."""

    def answer(handler: BaseHTTPRequestHandler, _: FileServer) -> None:
        asked = handler.headers.get("Range") if ranges else None
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if asked and start >= len(body):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(body)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(206 if asked else 200)
        for name, value in getattr(handler, "extra_headers", {}).items():
            handler.send_header(name, value)
        if asked:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body[start:])

    return answer


def cut_off(body: bytes, after_bytes: int) -> Answer:
    """Announces the whole file, sends its beginning, and closes the connection."""

    def answer(handler: BaseHTTPRequestHandler, _: FileServer) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:after_bytes])
        handler.close_connection = True

    return answer


def stall(body: bytes, after_bytes: int) -> Answer:
    """Announces the whole file, sends its beginning, and then nothing more, with the connection open."""

    def answer(handler: BaseHTTPRequestHandler, server: FileServer) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:after_bytes])
        handler.wfile.flush()
        server.release.wait(60)
        handler.close_connection = True

    return answer


def status(code: int, **headers: str) -> Answer:
    """A status without content; header names are written with underscores."""

    def answer(handler: BaseHTTPRequestHandler, _: FileServer) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@contextmanager
def serve(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[FileServer]:
    """Runs a server that gives the answers in turn, on a free port, until the block ends."""
    state = FileServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.requests.append((self.command, self.path, self.headers.get("Range")))
            answers[min(len(state.requests), len(answers)) - 1](self, state)

        do_HEAD = do_GET  # noqa: N815 (the name http.server looks for)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # clients that hang up are what some tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        host = "http://127.0.0.1" if tls is None else "https://localhost"
        state.address = f"{host}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.release.set()
            server.shutdown()
            thread.join()
