"""Callers who open calls and then say nothing, do not listen, or leave."""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from collections.abc import Iterator

import grpc
import pikepdf
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from benchmarks.harness import page_jpeg, scanned_pdf
from benchmarks.hostile.attack import BarMissedError, Run, Target, attack
from benchmarks.hostile.calls import SERVICE, at_once, document, own_channel, reads

HEALTH_CHECK = f"/{health.SERVICE_NAME}/Check"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
ANSWER_S = 15.0


def _silent(target: Target, method: str, count: int) -> Run:
    """So many calls on one connection that send their headers and nothing else."""

    def run(limit_s: float) -> str:
        over = threading.Event()

        def nothing() -> Iterator[bytes]:
            over.wait(limit_s)
            yield from ()

        with own_channel(target) as channel:
            open_call = channel.stream_stream(method)
            calls = [open_call(nothing(), timeout=limit_s) for _ in range(count)]
            codes = Counter(call.code().name for call in calls)
            over.set()
        return ", ".join(f"{times}x {code}" for code, times in codes.items())

    return run


@attack("silent-models", beside="health", beside_s=15)
def _silent_models(target: Target) -> Run:
    """100 calls of ListModels that send no message."""
    return _silent(target, f"{SERVICE}/ListModels", 100)


@attack("silent-health", beside_s=15)
def _silent_health(target: Target) -> Run:
    """100 health checks that send no message."""
    return _silent(target, HEALTH_CHECK, 100)


@attack("silent-uploads", limit_s=80, beside_s=15)
def _silent_uploads(target: Target) -> Run:
    """100 uploads that send no message."""
    return _silent(target, f"{SERVICE}/UploadDocuments", 100)


@attack("idle-reflection", beside_s=15)
def _idle_reflection(target: Target) -> Run:
    """50 idle reflection streams on one connection; another one is asked a question beside them."""

    def run(limit_s: float) -> str:
        over = threading.Event()

        def nothing() -> Iterator[bytes]:
            over.wait(limit_s)
            yield from ()

        with own_channel(target) as idle, own_channel(target) as other:
            open_call = idle.stream_stream(REFLECTION)
            calls = [open_call(nothing(), timeout=limit_s) for _ in range(50)]
            time.sleep(0.5)
            try:
                return f"another one is answered after {_reflection_s(other):.2f} s"
            except grpc.RpcError as error:
                raise BarMissedError(f"reflection beside them: {error.code().name}") from error
            finally:
                over.set()
                for call in calls:
                    call.cancel()

    return run


def _reflection_s(channel: grpc.Channel) -> float:
    """How long a question to reflection takes."""
    started = time.perf_counter()
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    for _ in stub.ServerReflectionInfo(iter([question]), timeout=ANSWER_S):
        break
    return time.perf_counter() - started


def _long_pdf(pages: int) -> bytes:
    """A PDF that has one page again and again, so that it fits into a message."""
    pdf = pikepdf.open(io.BytesIO(scanned_pdf(1)))
    for _ in range(pages - 1):
        pdf.pages.append(pdf.pages[0])
    file = io.BytesIO()
    pdf.save(file)
    return file.getvalue()


@attack("deaf-callers", requests=4, limit_s=120, beside_s=30)
def _deaf_callers(target: Target) -> Run:
    """Four callers of StreamPages whose window is small and who take one page of 60."""
    request = ocr_pb2.OCRRequest(documents=[document("long.pdf", _long_pdf(60))])
    window = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))

    def run(limit_s: float) -> str:
        with own_channel(target, *window) as channel:
            stub = ocr_pb2_grpc.OCRServiceStub(channel)
            streams = [stub.StreamPages(request, timeout=limit_s) for _ in range(4)]
            for stream in streams:
                next(stream)
            deadline = time.monotonic() + limit_s
            while time.monotonic() < deadline and any(stream.is_active() for stream in streams):
                time.sleep(0.1)
            codes = Counter(stream.code().name for stream in streams)
        return ", ".join(f"{times}x {code}" for code, times in codes.items())

    return run


@attack("cancelled-batch")
def _cancelled_batch(target: Target) -> Run:
    """A batch of 16 pages that is cancelled once the first page has come."""
    request = ocr_pb2.OCRRequest(documents=[document("long.pdf", scanned_pdf(33))], detection_batch_size=16)

    def run(limit_s: float) -> str:
        with own_channel(target) as channel:
            pages = ocr_pb2_grpc.OCRServiceStub(channel).StreamPages(request, timeout=limit_s)
            next(pages)
            time.sleep(0.5)
            pages.cancel()
        return "cancelled"

    return run


@attack("all-at-once", requests=4, beside="health", limit_s=120)
def _all_at_once(target: Target) -> Run:
    """As many pages at once as there are places: 36."""
    return at_once(36, reads(target, document("page.jpg", page_jpeg(4))))


@attack("open-and-leave")
def _open_and_leave(target: Target) -> Run:
    """A thousand calls with a page, each cancelled as soon as it is sent."""
    request = ocr_pb2.OCRRequest(documents=[document("page.jpg", page_jpeg(4))])

    def run(limit_s: float) -> str:
        started = time.monotonic()
        with own_channel(target) as channel:
            stub = ocr_pb2_grpc.OCRServiceStub(channel)
            for number in range(1000):
                stub.StreamPages(request, timeout=limit_s).cancel()
                if time.monotonic() - started > limit_s:
                    return f"{number} calls"
        return "1000 calls"

    return run
