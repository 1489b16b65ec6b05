"""Addresses, timeouts and paths that used to go wrong only later, or elsewhere."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest
from doctr_serve import errors as server_errors
from doctr_serve_client import ServerUnavailableError

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("server", "says"),
    [
        (
            "http://localhost:50051",
            r"host:port, without a scheme: 'localhost:50051', not 'http://localhost:50051'$",
        ),
        ("HTTPS://ocr.example/ocr", r"without a scheme: 'ocr.example', .*; TLS is asked for by itself"),
        ("grpc://localhost:50051", "without a scheme"),
        ("", "empty"),
    ],
)
def test_a_url_is_refused_as_an_address_at_once(connect, server, says):
    with pytest.raises(ValueError, match=says):
        connect(server)


def test_grpcs_own_schemes_are_addresses(connect, server, letter):
    assert len(connect(f"dns:///{server.address}").read(letter)) == 1


def test_an_address_without_a_port_is_explained_when_nobody_answers(connect, letter):
    with pytest.raises(ServerUnavailableError, match="the address has no port, for which gRPC takes 443"):
        connect("nobody.invalid", max_attempts=1).read(letter, timeout_s=20)


@pytest.mark.parametrize("timeout_s", [float("inf"), 1e300])
def test_a_timeout_without_end_is_none_that_has_passed(client, letter, book, timeout_s):
    for document in (letter, book):
        assert len(client.read(document, timeout_s=timeout_s)) == 1
        assert len(list(client.stream_pages(document, timeout_s=timeout_s))) == 1


@pytest.mark.parametrize("size_bytes", [100, 6 * MIB])
def test_a_path_of_a_pipe_is_read_once_and_sent_as_often_as_needed(client, server, tmp_path, size_bytes):
    content = os.urandom(size_bytes)
    os.mkfifo(tmp_path / "pipe.pdf")
    threading.Thread(target=(tmp_path / "pipe.pdf").write_bytes, args=(content,), daemon=True).start()
    server.service.fail_after_pages = server_errors.NotReadyError("loading")

    client.read(tmp_path / "pipe.pdf", timeout_s=20)

    digests = [[document.sha256 for document in call.documents] for call in server.service.calls]
    assert digests == [[hashlib.sha256(content).hexdigest()]] * 2
    assert {call.documents[0].name for call in server.service.calls} == {"pipe.pdf"}
