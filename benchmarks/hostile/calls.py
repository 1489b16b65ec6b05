"""Calls as an attacker makes them, and their outcomes in a word or two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc

from benchmarks.hostile.attack import Run, Target

__all__ = ["at_once", "document", "outcome_of", "own_channel", "raw_call", "reads"]

SERVICE = "/doctr_serve.v1.OCRService"
REASON_TRAILER = "x-error-reason"
QUOTED_CHARACTERS = 70


@contextmanager
def own_channel(target: Target, *options: tuple[str, int]) -> Iterator[grpc.Channel]:
    """Opens a connection that no other channel shares, for messages of any size."""
    ours = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(target.address, options=[*ours, *options]) as channel:
        yield channel


def document(name: str, content: bytes) -> ocr_pb2.Document:
    """Returns a document of a request."""
    return ocr_pb2.Document(name=name, content=content)


def reads(target: Target, *documents: ocr_pb2.Document, **options: object) -> Run:
    """Returns what reads the documents in one ``StreamPages`` call with the options."""
    request = ocr_pb2.OCRRequest(documents=documents, **options)  # type: ignore[arg-type]

    def run(limit_s: float) -> str:
        with own_channel(target) as channel:
            stub = ocr_pb2_grpc.OCRServiceStub(channel)
            return outcome_of(lambda: stub.StreamPages(request, timeout=limit_s))

    return run


def at_once(count: int, run: Run) -> Run:
    """Returns what makes the same call so many times at once."""

    def run_all(limit_s: float) -> str:
        with ThreadPoolExecutor(count) as pool:
            outcomes = Counter(pool.map(run, [limit_s] * count))
        return "; ".join(f"{times}x {outcome}" for outcome, times in outcomes.most_common(3))

    return run_all


def raw_call(target: Target, method: str, messages: Callable[[], Iterable[bytes]]) -> Run:
    """Returns what sends serialised messages as they are."""

    def run(limit_s: float) -> str:
        with own_channel(target, ("grpc.max_send_message_length", -1)) as channel:
            call = channel.stream_stream(
                f"{SERVICE}/{method}", response_deserializer=ocr_pb2.PageResult.FromString
            )
            return outcome_of(lambda: call(iter(messages()), timeout=limit_s))

    return run


def outcome_of(call: Callable[[], Iterable[ocr_pb2.PageResult]]) -> str:
    """Takes a call's pages and says what came of it."""
    pages = words = 0
    errors: Counter[str] = Counter()
    try:
        for result in call():
            pages += 1
            words += sum(len(line.words) for page in result.pages for b in page.blocks for line in b.lines)
            if result.HasField("error"):
                errors[result.error.message[:QUOTED_CHARACTERS]] += 1
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata() or ())
        reason = trailers.get(REASON_TRAILER, "by grpc")
        return f"{error.code().name} {reason}: {(error.details() or '')[:QUOTED_CHARACTERS]}"
    failed = "".join(f", {count}x {message}" for message, count in errors.most_common(2))
    return f"OK, {pages} pages, {words} words{failed}"
