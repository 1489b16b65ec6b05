"""Downloads a file of weights: https only, bounded, resumable, checked before anything sees it.

docTR's own ``download_from_url`` (doctr/utils/data.py) waits for ever on a stalled connection, retries over
plain http, and writes in place, so that a second process may read half a file. None of that here.
"""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import os
import re
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path

import httpx
import tenacity
from filelock import FileLock
from tqdm import tqdm

from doctr_serve.errors import WeightsDownloadError
from doctr_serve.version import __version__

__all__ = ["Downloader"]

MAX_BACKOFF_S = 30.0
# Worth another try: timeout, too early, too many requests, and the server's own faults (RFC 9110, RFC 6585).
TRANSIENT_STATUS_CODES = frozenset({408, 425, 429, 500, 502, 503, 504})


class _ResumedFileDamagedError(Exception):
    """The pieces do not make the file (it changed on the server between them): start again from nothing."""


class _RefusedError(Exception):
    """What the server answers must not be used, and a retry would not change that; the text says why."""


@dataclass(frozen=True)
class Downloader:
    """Fetches files over https into place.

    Proxies, and a certificate authority of one's own, come from the usual environment (``HTTPS_PROXY``,
    ``NO_PROXY``, ``SSL_CERT_FILE``).

    Attributes:
        stall_timeout_s: seconds to wait for the connection, and for each next piece.
        max_bytes: largest file accepted.
        max_attempts: tries before giving up; each goes on where the one before broke off.
        first_backoff_s: pause before the second try; it doubles from try to try, up to 30 s, with jitter.
        allow_loopback_http: accept plain http from this very machine (for tests; there is no other way to).
    """

    stall_timeout_s: float
    max_bytes: int
    max_attempts: int = 5
    first_backoff_s: float = 1.0
    allow_loopback_http: bool = False

    def fetch(self, url: str, target: Path, *, sha256_prefix: str | None, progress: bool) -> Path:
        """Downloads ``url`` to ``target``, which appears whole and checked, or not at all.

        Processes that fetch the same file wait for each other and share one download. A break leaves
        ``.<name>.part`` beside the target, and the next try, or the next call, goes on from there.

        Args:
            url: https address.
            target: file to write; its folder is created.
            sha256_prefix: first hexadecimal digits of the content's SHA-256; None leaves the content
                unchecked, and then nothing is resumed.
            progress: show a progress bar on stderr, where that is a terminal.

        Returns:
            ``target``.

        Raises:
            WeightsDownloadError: nothing was written to ``target``; the message says why and what helps.
        """
        with self._client() as client:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with FileLock(target.parent / f".{target.name}.lock"):
                    if sha256_prefix and target.is_file() and _sha256(target).startswith(sha256_prefix):
                        return target  # another process fetched it while this one waited for the lock
                    self._fetch_locked(client, url, target, sha256_prefix, progress)
            except OSError as error:
                raise WeightsDownloadError(_disk_message(target, error)) from error
        return target

    def _client(self) -> httpx.Client:
        try:
            return httpx.Client(
                timeout=self.stall_timeout_s,
                follow_redirects=True,
                event_hooks={"request": [self._check_scheme]},
                headers={"User-Agent": f"doctr-serve/{__version__}", "Accept-Encoding": "identity"},
            )
        except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
            raise WeightsDownloadError(
                f"no connection can be set up ({error}); check HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
            ) from error

    def _fetch_locked(
        self, client: httpx.Client, url: str, target: Path, sha256_prefix: str | None, progress: bool
    ) -> None:
        part = target.parent / f".{target.name}.part"
        if sha256_prefix is None:
            part.unlink(missing_ok=True)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_transient),
            stop=tenacity.stop_after_attempt(self.max_attempts),
            wait=tenacity.wait_exponential(multiplier=self.first_backoff_s, max=MAX_BACKOFF_S)
            + tenacity.wait_random(0, self.first_backoff_s),
            reraise=True,
        )
        # disable=None: shown on a terminal only.
        shown = None if progress else True
        with tqdm(desc=target.name, unit="B", unit_scale=True, unit_divisor=1024, disable=shown) as bar:
            try:
                retrying(self._attempt, client, url, part, sha256_prefix, bar)
            except (httpx.HTTPError, _RefusedError, _ResumedFileDamagedError) as error:
                if isinstance(error, _RefusedError):
                    part.unlink(missing_ok=True)  # what came before it is no beginning to go on from
                raise WeightsDownloadError(
                    f"{target.name} could not be downloaded from {httpx.URL(url).host}: "
                    f"{self._describe(error)}. Try again, or put the file into the folder of the setting "
                    "weights_dir"
                ) from error
        os.replace(part, target)

    def _check_scheme(self, request: httpx.Request) -> None:
        # A request hook runs for every hop of a redirect, before the hop is made.
        if request.url.scheme == "https" or (self.allow_loopback_http and _is_loopback(request.url.host)):
            return
        raise _RefusedError(
            f"it leads to {request.url.scheme}://{request.url.host}, and only https is accepted"
        )

    def _attempt(
        self, client: httpx.Client, url: str, part: Path, sha256_prefix: str | None, bar: tqdm
    ) -> None:
        offset = part.stat().st_size if part.exists() else 0
        with client.stream("GET", url, headers={"Range": f"bytes={offset}-"} if offset else {}) as response:
            if response.status_code == 416 and offset:
                # Nothing after the offset: the part is complete, or of another file; the hash tells which.
                response.close()
            else:
                response.raise_for_status()
                offset = _resumed_at(response, offset)
                self._receive(response, part, offset, bar)
        if sha256_prefix is None:
            return
        digest = _sha256(part)
        if not digest.startswith(sha256_prefix):
            if offset:
                part.unlink()
                raise _ResumedFileDamagedError
            raise _RefusedError(
                f"the content is not the expected file (its SHA-256 starts with "
                f"{digest[: len(sha256_prefix)]}, expected {sha256_prefix}); a proxy may have changed it"
            )

    def _receive(self, response: httpx.Response, part: Path, offset: int, bar: tqdm) -> None:
        length = response.headers.get("Content-Length", "")
        total = offset + int(length) if length.isdigit() else None
        if total is not None:
            self._check_size(total)
            if total - offset > shutil.disk_usage(part.parent).free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        bar.reset(total)
        bar.update(offset)
        with part.open("ab" if offset else "wb") as file:
            try:
                # Without a chunk size: httpx would hold back up to one chunk, and a break would lose it.
                for chunk in response.iter_raw():
                    self._check_size(file.tell() + len(chunk))
                    file.write(chunk)
                    bar.update(len(chunk))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                part.unlink(missing_ok=True)  # a full disk: give the space back
                raise

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self.max_bytes:
            raise _RefusedError(f"the file is larger than max_download_bytes ({self.max_bytes} bytes)")

    def _describe(self, error: Exception) -> str:
        if isinstance(error, httpx.HTTPStatusError):
            return f"the server answered {error.response.status_code} {error.response.reason_phrase}".rstrip()
        if isinstance(error, httpx.TimeoutException):
            return f"nothing came for {self.stall_timeout_s:g} s ({self.max_attempts} attempts)"
        if isinstance(error, _ResumedFileDamagedError):
            return "the file kept changing on the server"
        return str(error) or type(error).__name__


def _resumed_at(response: httpx.Response, offset: int) -> int:
    """Offset at which the content starts: the one asked for, or 0 where the server sends everything."""
    if response.status_code != 206:
        return 0
    start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if start is None or int(start.group(1)) != offset:
        raise _RefusedError("the server answered with another part of the file than the one asked for")
    return offset


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in TRANSIENT_STATUS_CODES
    if isinstance(error, httpx.ConnectError) and _has_cause(error, ssl.SSLCertVerificationError):
        return False
    return isinstance(error, httpx.TransportError | _ResumedFileDamagedError) and not isinstance(
        error, httpx.UnsupportedProtocol
    )


def _has_cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error is not None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _disk_message(target: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"no space left for {target.name}; free some, or name a folder on another disk with "
            "DOCTR_CACHE_DIR"
        )
    return (
        f"{target.name} cannot be written to the weights cache ({os.strerror(error.errno or errno.EIO)}); "
        "make the folder writable, or name another one with DOCTR_CACHE_DIR"
    )
