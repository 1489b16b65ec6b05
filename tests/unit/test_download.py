"""The downloader against a real local server: what arrives is whole and checked, or nothing does."""

from __future__ import annotations

import hashlib
import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme
from doctr_serve.catalog.download import Downloader
from doctr_serve.errors import WeightsDownloadError
from support.file_server import Answer, content, cut_off, serve, stall, status

BODY = os.urandom(3_000_000)
PREFIX = hashlib.sha256(BODY).hexdigest()[:8]
NAME = f"model-{PREFIX}.pt"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def downloader(**options) -> Downloader:
    limits = {"stall_timeout_s": 5.0, "max_bytes": 10_000_000, "max_attempts": 3, "first_backoff_s": 0.01}
    return Downloader(**{**limits, "allow_loopback_http": True, **options})


def fetch(address: str, target: Path, **options) -> Path:
    return downloader(**options).fetch(f"{address}/{NAME}", target, sha256_prefix=PREFIX, progress=False)


def leftovers(directory: Path) -> list[str]:
    """Everything in the folder but the lock files."""
    return sorted(path.name for path in directory.iterdir() if path.suffix != ".lock")


def test_a_good_file_arrives_whole_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    with serve(content(BODY)) as server:
        path = fetch(server.address, tmp_path / "models" / NAME)
    assert path.read_bytes() == BODY
    assert leftovers(path.parent) == [NAME]
    assert len(server.requests) == 1


def test_the_address_is_sent_as_it_stands_with_a_path_in_its_query(tmp_path: Path) -> None:
    with serve(content(BODY)) as server:
        url = f"{server.address}/models?id=v0.7.0/{NAME}&src=0"
        downloader().fetch(url, tmp_path / NAME, sha256_prefix=PREFIX, progress=False)
    assert server.requests[0][1] == f"/models?id=v0.7.0/{NAME}&src=0"


def test_a_file_that_is_already_there_and_intact_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(BODY)
    with serve(content(BODY)) as server:
        fetch(server.address, tmp_path / NAME)
    assert server.requests == []


def test_a_corrupted_file_is_refused_at_once_and_removed(tmp_path: Path) -> None:
    with (
        serve(content(BODY[:-1] + bytes([BODY[-1] ^ 1]))) as server,
        pytest.raises(WeightsDownloadError, match=f"not the expected file.*expected {PREFIX}"),
    ):
        fetch(server.address, tmp_path / NAME)
    assert leftovers(tmp_path) == []
    assert len(server.requests) == 1


def test_a_failed_download_leaves_the_file_it_was_to_replace(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"damaged")
    with serve(status(404)) as server, pytest.raises(WeightsDownloadError):
        fetch(server.address, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == b"damaged"


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"damaged")
    with serve(content(BODY)) as server:
        fetch(server.address, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == BODY


def test_a_cut_off_download_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    with serve(cut_off(BODY, 1_000_000), content(BODY)) as server:
        path = fetch(server.address, tmp_path / NAME)
    assert path.read_bytes() == BODY
    assert server.ranges[0] is None
    assert server.ranges[1] is not None
    assert 0 < int(server.ranges[1].removeprefix("bytes=").removesuffix("-")) <= 1_000_000


def test_a_server_that_cannot_resume_sends_the_whole_file_again(tmp_path: Path) -> None:
    with serve(cut_off(BODY, 1_000_000), content(BODY, ranges=False)) as server:
        path = fetch(server.address, tmp_path / NAME)
    assert path.read_bytes() == BODY


def test_a_download_that_is_always_cut_off_is_given_up_after_the_set_attempts(tmp_path: Path) -> None:
    with serve(cut_off(BODY, 0)) as server, pytest.raises(WeightsDownloadError, match=r"127\.0\.0\.1"):
        fetch(server.address, tmp_path / NAME)
    assert len(server.requests) == 3
    assert NAME not in leftovers(tmp_path)


def test_a_later_call_resumes_what_an_earlier_one_left(tmp_path: Path) -> None:
    with serve(cut_off(BODY, 2_000_000)) as server, pytest.raises(WeightsDownloadError):
        fetch(server.address, tmp_path / NAME, max_attempts=1)
    received = (tmp_path / f".{NAME}.part").stat().st_size
    assert received > 0
    with serve(content(BODY)) as server:
        path = fetch(server.address, tmp_path / NAME)
    assert path.read_bytes() == BODY
    assert server.ranges == [f"bytes={received}-"]


def test_a_file_that_changed_on_the_server_between_the_pieces_is_fetched_afresh(tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.part").write_bytes(b"the beginning of an older file")
    with serve(content(BODY)) as server:
        path = fetch(server.address, tmp_path / NAME)
    assert path.read_bytes() == BODY
    assert server.ranges == ["bytes=30-", None]


def test_a_part_that_was_complete_is_only_checked(tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.part").write_bytes(BODY)
    with serve(content(BODY)) as server:
        path = fetch(server.address, tmp_path / NAME)
    assert path.read_bytes() == BODY
    assert server.ranges == [f"bytes={len(BODY)}-"]


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.part").write_bytes(BODY + b"more")
    with serve(content(BODY)) as server:
        path = fetch(server.address, tmp_path / NAME)
    assert path.read_bytes() == BODY


def test_an_answer_with_another_part_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.part").write_bytes(BODY[:100])
    with (
        serve(status(206, Content_Range=f"bytes 50-{len(BODY) - 1}/{len(BODY)}")) as server,
        pytest.raises(WeightsDownloadError, match="another part of the file"),
    ):
        fetch(server.address, tmp_path / NAME)
    assert len(server.requests) == 1


@pytest.mark.parametrize("after_bytes", [0, 500_000])
def test_a_stalled_download_is_given_up_after_the_timeout(tmp_path: Path, after_bytes: int) -> None:
    started = time.monotonic()
    with (
        serve(stall(BODY, after_bytes)) as server,
        pytest.raises(WeightsDownloadError, match=r"nothing came for 0\.3 s"),
    ):
        fetch(server.address, tmp_path / NAME, stall_timeout_s=0.3, max_attempts=2)
    assert time.monotonic() - started < 10
    assert len(server.requests) == 2


def test_a_stalled_download_goes_on_with_the_next_attempt(tmp_path: Path) -> None:
    with serve(stall(BODY, 1_500_000), content(BODY)) as server:
        path = fetch(server.address, tmp_path / NAME, stall_timeout_s=0.5)
    assert path.read_bytes() == BODY


def test_a_missing_file_is_not_asked_for_twice(tmp_path: Path) -> None:
    with serve(status(404)) as server, pytest.raises(WeightsDownloadError, match="answered 404"):
        fetch(server.address, tmp_path / NAME)
    assert len(server.requests) == 1
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_passing_fault_of_the_server_is_retried(tmp_path: Path, code: int) -> None:
    with serve(status(code), content(BODY)) as server:
        path = fetch(server.address, tmp_path / NAME)
    assert path.read_bytes() == BODY
    assert len(server.requests) == 2


def test_a_lasting_fault_of_the_server_is_reported_after_the_set_attempts(tmp_path: Path) -> None:
    with serve(status(503)) as server, pytest.raises(WeightsDownloadError, match="answered 503"):
        fetch(server.address, tmp_path / NAME)
    assert len(server.requests) == 3


def test_a_server_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with serve(content(BODY)) as server:
        address = server.address
    with pytest.raises(WeightsDownloadError, match="could not be downloaded from 127"):
        fetch(address, tmp_path / NAME)


def test_plain_http_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with serve(content(BODY)) as server, pytest.raises(WeightsDownloadError, match="only https is accepted"):
        fetch(server.address, tmp_path / NAME, allow_loopback_http=False)
    assert server.requests == []


@pytest.fixture
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for localhost, and the file of the authority that vouches for it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority_file = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    return context, authority_file


def test_https_works_with_an_authority_from_the_environment(
    tmp_path: Path, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority_file = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    with serve(content(BODY), tls=context) as server:
        path = fetch(server.address, tmp_path / NAME, allow_loopback_http=False)
    assert path.read_bytes() == BODY


def test_a_redirect_from_https_to_http_is_refused(
    tmp_path: Path, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority_file = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    with serve(content(BODY)) as plain, serve(status(302, Location=plain.address), tls=context) as secure:
        with pytest.raises(WeightsDownloadError, match=r"leads to http://127.*only https is accepted"):
            fetch(secure.address, tmp_path / NAME, allow_loopback_http=False)
        assert len(secure.requests) == 1
        assert plain.requests == []


def test_a_redirect_to_another_machine_over_http_is_refused_even_in_tests(tmp_path: Path) -> None:
    with (
        serve(status(302, Location="http://weights.invalid/x")) as server,
        pytest.raises(WeightsDownloadError, match=r"leads to http://weights\.invalid"),
    ):
        fetch(server.address, tmp_path / NAME)
    assert len(server.requests) == 1


def test_an_untrusted_certificate_is_refused_without_retry_or_fallback(
    tmp_path: Path, tls: tuple[ssl.SSLContext, Path]
) -> None:
    with serve(content(BODY), tls=tls[0]) as server:
        started = time.monotonic()
        with pytest.raises(WeightsDownloadError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(server.address, tmp_path / NAME, first_backoff_s=30.0)
        assert time.monotonic() - started < 10
    assert server.requests == []


def test_redirects_over_an_accepted_scheme_are_followed(tmp_path: Path) -> None:
    with serve(content(BODY)) as target, serve(status(302, Location=f"{target.address}/{NAME}")) as server:
        path = fetch(server.address, tmp_path / NAME)
    assert path.read_bytes() == BODY


def test_the_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(content(BODY)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        fetch("http://127.0.0.1:9", tmp_path / NAME)
    assert proxy.requests[0][1] == f"http://127.0.0.1:9/{NAME}"


def test_a_broken_setup_of_the_environment_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(WeightsDownloadError, match="SSL_CERT_FILE"):
        fetch("https://localhost:9", tmp_path / NAME)


def without_length(body: bytes) -> Answer:
    """The file in chunks, its length unsaid."""

    def answer(handler, _) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(body), 100_000):
            chunk = body[start : start + 100_000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        handler.wfile.write(b"0\r\n\r\n")

    return answer


@pytest.mark.parametrize("answer", [stall(BODY, 0), without_length(BODY)], ids=["announced", "chunked"])
def test_a_file_over_the_size_limit_is_refused(tmp_path: Path, answer: Answer) -> None:
    with serve(answer) as server, pytest.raises(WeightsDownloadError, match="larger than max_download_bytes"):
        fetch(server.address, tmp_path / NAME, max_bytes=1_000_000)
    assert len(server.requests) == 1
    assert leftovers(tmp_path) == []


def test_a_file_without_announced_length_arrives(tmp_path: Path) -> None:
    with serve(without_length(BODY)) as server:
        assert fetch(server.address, tmp_path / NAME).read_bytes() == BODY


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs /dev/full, where every write finds no space"
)
def test_a_full_disk_is_named_and_the_space_given_back(tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.part").symlink_to("/dev/full")
    with serve(content(BODY)) as server, pytest.raises(WeightsDownloadError, match="no space left"):
        fetch(server.address, tmp_path / NAME)
    assert leftovers(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with (
        serve(content(BODY)) as server,
        pytest.raises(WeightsDownloadError, match="DOCTR_CACHE_DIR") as raised,
    ):
        fetch(server.address, tmp_path / "file" / "models" / NAME)
    assert str(tmp_path) not in str(raised.value)
    assert server.requests == []


FETCH_IN_A_PROCESS = """
import sys
from pathlib import Path
from doctr_serve.catalog.download import Downloader
downloader = Downloader(stall_timeout_s=30, max_bytes=10_000_000, allow_loopback_http=True)
downloader.fetch(sys.argv[1], Path(sys.argv[2]), sha256_prefix=sys.argv[3], progress=False)
"""


def start_process(address: str, target: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", FETCH_IN_A_PROCESS, f"{address}/{NAME}", str(target), PREFIX]
    )


def slowly(body: bytes) -> Answer:
    """The file with a pause in its middle, long enough for other processes to come."""

    def answer(handler, _) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        time.sleep(2)
        handler.wfile.write(body[len(body) // 2 :])

    return answer


def test_processes_that_pull_the_same_file_share_one_download(tmp_path: Path) -> None:
    with serve(slowly(BODY)) as server:
        processes = [start_process(server.address, tmp_path / NAME) for _ in range(3)]
        assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert (tmp_path / NAME).read_bytes() == BODY
    assert leftovers(tmp_path) == [NAME]
    assert len(server.requests) == 1


def test_a_killed_download_blocks_nobody_and_is_resumed(tmp_path: Path) -> None:
    part = tmp_path / f".{NAME}.part"
    with serve(stall(BODY, 2_500_000), content(BODY)) as server:
        process = start_process(server.address, tmp_path / NAME)
        deadline = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert not (tmp_path / NAME).exists()
        assert fetch(server.address, tmp_path / NAME).read_bytes() == BODY
        assert server.ranges[1] is not None
