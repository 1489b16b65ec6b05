"""Requests through Envoy: forms that are many for nothing, uploads that drip, long queries and many headers."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import grpc
import httpx
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc

from benchmarks.harness import page_jpeg
from benchmarks.hostile.attack import BarMissedError, Run, Target, attack
from benchmarks.hostile.calls import own_channel

BOUNDARY = "x"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
EMPTY_INPUT = b'--x\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n'
TIMES = 20


def _posts(target: Target, body: Callable[[], bytes | Iterator[bytes]]) -> Run:
    def run(limit_s: float) -> str:
        answer = httpx.post(f"{target.rest}/ocr", content=body(), headers=FORM, timeout=limit_s)
        return f"{answer.status_code} {answer.text[:100]}"

    return run


@attack("empty-inputs")
def _empty_inputs(target: Target) -> Run:
    """A form of a million empty file inputs."""
    body = EMPTY_INPUT * 1_000_000 + b"--x--\r\n"
    return _posts(target, lambda: body)


@attack("long-part-head")
def _long_part_head(target: Target) -> Run:
    """A form whose one part has a file name of 50 MB."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="' + b"n" * 50_000_000
    return _posts(target, lambda: head + b'"\r\n\r\nx\r\n--x--\r\n')


@attack("many-part-heads")
def _many_part_heads(target: Target) -> Run:
    """A form whose one part has a million headers."""
    heads = b"".join(b"X-%d: y\r\n" % number for number in range(1_000_000))
    return _posts(target, lambda: b"--x\r\n" + heads + b"\r\nx\r\n--x--\r\n")


@attack("almost-boundaries")
def _almost_boundaries(target: Target) -> Run:
    """A file of 50 MB that is made of beginnings of the boundary."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    body = head + b"\r\n--" * 12_500_000 + b"\r\n--x--\r\n"
    return _posts(target, lambda: body)


@attack("dripping-form", limit_s=90)
def _dripping_form(target: Target) -> Run:
    """A form that comes byte by byte, ten a second."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    body = head + page_jpeg(5)
    where = urlsplit(target.rest)

    def run(limit_s: float) -> str:
        deadline = time.monotonic() + limit_s
        with socket.create_connection((where.hostname, where.port or 80)) as connection:
            length = len(body)
            start = f"POST /ocr HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n"
            connection.sendall(f"{start}content-type: {FORM['content-type']}\r\n\r\n".encode())
            connection.settimeout(0.1)
            for position in range(length):
                connection.sendall(body[position : position + 1])
                try:
                    return connection.recv(4096).partition(b"\r\n\r\n")[0][:60].decode()
                except TimeoutError:
                    if time.monotonic() > deadline:
                        return "still taken"
        return "taken whole"

    return run


@attack("long-query")
def _long_query(target: Target) -> Run:
    """Queries of up to 15,000 characters, twenty times each: is the answer always the same?"""

    def run(limit_s: float) -> str:
        answers = {}
        for length in (4_000, 8_000, 10_000, 15_000):
            url = f"{target.rest}/ocr?detection_model={'m' * length}"
            body = EMPTY_INPUT + b"--x--\r\n"
            answers[f"{length} characters"] = _ask(url, body, FORM, limit_s)
        return _always_same(answers)

    return run


@attack("many-headers")
def _many_headers(target: Target) -> Run:
    """Up to 1,000 headers or metadata entries, twenty times each: is the answer always the same?"""

    def run(limit_s: float) -> str:
        answers = {}
        for count in (50, 90, 150, 250, 400, 1_000):
            entries = {f"x-entry-{number}": "value" for number in range(count)}
            answers[f"{count} headers"] = _ask(f"{target.rest}/models", b"", entries, limit_s)
            answers[f"{count} metadata"] = _ask_grpc(target, tuple(entries.items()), limit_s)
        return _always_same(answers)

    return run


def _ask(url: str, body: bytes, headers: dict[str, str], limit_s: float) -> Counter[str]:
    found: Counter[str] = Counter()
    with httpx.Client(timeout=limit_s) as client:
        for _ in range(TIMES):
            answer = (
                client.post(url, content=body, headers=headers) if body else client.get(url, headers=headers)
            )
            message = answer.json().get("message", "") if answer.is_error else ""
            found[f"{answer.status_code} {message[:50]}"] += 1
    return found


def _ask_grpc(target: Target, metadata: tuple[tuple[str, str], ...], limit_s: float) -> Counter[str]:
    found: Counter[str] = Counter()
    with own_channel(target) as channel:
        stub = ocr_pb2_grpc.OCRServiceStub(channel)
        for _ in range(TIMES):
            try:
                stub.ListModels(ocr_pb2.ListModelsRequest(), metadata=metadata, timeout=limit_s)
                found["OK"] += 1
            except grpc.RpcError as error:
                found[f"{error.code().name} {(error.details() or '')[:50]}"] += 1
    return found


def _always_same(answers: dict[str, Counter[str]]) -> str:
    differing = {what: dict(found) for what, found in answers.items() if len(found) > 1}
    if differing:
        raise BarMissedError(f"answers differ: {differing}")
    return "; ".join(f"{what}: {next(iter(found))}" for what, found in answers.items())[:300]
