"""Uploads that drip."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc

from benchmarks.harness import page_jpeg
from benchmarks.hostile.attack import Run, Target, attack
from benchmarks.hostile.calls import document, outcome_of, own_channel


def _dripping(content: bytes, *, pause_s: float, piece_bytes: int) -> Iterator[ocr_pb2.OCRRequest]:
    yield ocr_pb2.OCRRequest(documents=[document("slow.jpg", content[:1])])
    for start in range(1, len(content), piece_bytes):
        time.sleep(pause_s)
        piece = ocr_pb2.Document(content=content[start : start + piece_bytes], continued=True)
        yield ocr_pb2.OCRRequest(documents=[piece])


@attack("slow-uploads", limit_s=90)
def _slow_uploads(target: Target) -> Run:
    """36 uploads of one byte per second."""
    content = page_jpeg(5)

    def run(limit_s: float) -> str:
        with own_channel(target) as channel, ThreadPoolExecutor(36) as pool:
            stub = ocr_pb2_grpc.OCRServiceStub(channel)

            def upload(_: int) -> str:
                pieces = _dripping(content, pause_s=1.0, piece_bytes=1)
                return outcome_of(lambda: stub.UploadDocuments(pieces, timeout=limit_s))

            outcomes = Counter(pool.map(upload, range(36)))
        return "; ".join(f"{times}x {outcome}" for outcome, times in outcomes.most_common(2))

    return run


@attack("dripping-upload", limit_s=90)
def _dripping_upload(target: Target) -> Run:
    """A document that comes byte by byte, as fast as messages go."""
    content = page_jpeg(5)

    def run(limit_s: float) -> str:
        with own_channel(target) as channel:
            pieces = _dripping(content, pause_s=0.0, piece_bytes=1)
            stub = ocr_pb2_grpc.OCRServiceStub(channel)
            return outcome_of(lambda: stub.UploadDocuments(pieces, timeout=limit_s))

    return run
