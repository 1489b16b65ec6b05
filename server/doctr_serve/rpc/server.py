"""Builds, starts, drains and stops one gRPC server."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from doctr_serve.common.addresses import host_and_port
from doctr_serve.common.native_memory import bound_native_memory
from doctr_serve.documents import DecoderPool
from doctr_serve.reading.admission import Admission
from doctr_serve.rpc.servicer import OCRServicer
from doctr_serve.rpc.silent_calls import SilentCallGuard
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc

if TYPE_CHECKING:
    from doctr_serve.inference.engine import OCREngine
    from doctr_serve.settings import Settings

__all__ = ["SERVICE_NAME", "OCRServer", "serve"]

SERVICE_NAME = ocr_pb2.DESCRIPTOR.services_by_name["OCRService"].full_name

SPARE_THREADS = 8
"""Threads beyond the places in the queue: they refuse what does not fit."""

SMALL_CALL_THREADS = 8
"""Threads for health checks and ListModels, so that no amount of documents makes a server look dead."""

MAX_CONCURRENT_RPCS = 1000
"""RPCs open at once, idle health watchers included; grpc itself refuses more with RESOURCE_EXHAUSTED."""

logger = structlog.get_logger("doctr_serve.rpc.server")


class OCRServer:
    """One gRPC server over one engine.

    Args:
        settings: the server's settings.
        engine: the engine; by default the one the settings describe.
        decoders: the decoder processes; by default those the settings describe.
    """

    def __init__(
        self, settings: Settings, engine: OCREngine | None = None, decoders: DecoderPool | None = None
    ) -> None:
        if engine is None:
            from doctr_serve.inference.engine import OCREngine  # torch: not needed to build a server in tests

            engine = OCREngine(settings)
        self.settings = settings
        self.engine = engine
        self.admission = Admission(
            max_concurrent_requests=settings.max_concurrent_requests,
            max_queued_requests=settings.max_queued_requests,
        )
        self.decoders = decoders or DecoderPool(settings)
        self._health = health.HealthServicer(experimental_non_blocking=True)
        # Enough for every place in the queue; what does not fit is refused by the spare ones.
        self._threads = ThreadPoolExecutor(
            settings.max_concurrent_requests + settings.max_queued_requests + SPARE_THREADS,
            thread_name_prefix="rpc",
        )
        self._small_call_threads = ThreadPoolExecutor(SMALL_CALL_THREADS, thread_name_prefix="rpc-small")
        self._server = self._build()
        self.port = 0

    def start(self) -> None:
        """Listens: health is NOT_SERVING, and calls are refused as UNAVAILABLE, until :meth:`warm` is done.

        Raises:
            RuntimeError: the address cannot be bound.
        """
        self.port = self._server.add_insecure_port(host_and_port(self.settings.host, self.settings.port))
        self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._server.start()
        if self.settings.port_file is not None:
            self.settings.port_file.write_text(str(self.port))
        logger.info("listening", address=host_and_port(self.settings.host, self.port))

    def warm(self) -> None:
        """Loads the models and starts the decoders, then serves.

        Raises:
            WeightsUnavailableError: weights that are missing and could not be fetched.
        """
        self.decoders.warm()
        self.engine.warm()
        self.admission.set_ready()
        self._set_health(health_pb2.HealthCheckResponse.SERVING)
        logger.info("serving")

    def stop(self) -> None:
        """Drains and stops.

        Health flips first, then new calls are refused; calls in flight finish within ``drain_timeout_s``, the rest
        is cancelled.
        """
        self._health.enter_graceful_shutdown()
        self.admission.drain()
        logger.info("draining")
        drained = self.admission.wait_until_idle(self.settings.drain_timeout_s)
        self._server.stop(grace=1.0 if drained else 0.0).wait()
        # grpc leaves its threads to their owner. Calls that were cancelled end here, before what they use closes.
        self._threads.shutdown()
        self._small_call_threads.shutdown()
        self.decoders.close()
        self.engine.close()
        logger.info("stopped", drained=drained)

    def _build(self) -> grpc.Server:
        settings = self.settings
        server = grpc.server(
            self._threads,
            interceptors=(SilentCallGuard(self._small_call_threads),),
            maximum_concurrent_rpcs=MAX_CONCURRENT_RPCS,
            options=(
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", -1),
                # Without this a second server on the same port starts silently and steals half of the calls.
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ),
        )
        ocr_pb2_grpc.add_OCRServiceServicer_to_server(
            OCRServicer(settings, engine=self.engine, decoders=self.decoders, admission=self.admission),
            server,
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection(
            (SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), server
        )
        return server

    def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in (health.OVERALL_HEALTH, SERVICE_NAME):
            self._health.set(service, status)


def serve(settings: Settings) -> None:
    """Runs a server until SIGTERM or SIGINT, then drains it.

    Raises:
        WeightsUnavailableError: weights of the default pair that are missing and could not be fetched.
        RuntimeError: the address cannot be bound.
    """
    bound_native_memory()
    stop_requested = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop_requested.set())
    server = OCRServer(settings)
    server.start()
    failures: list[Exception] = []

    def warm() -> None:
        try:
            server.warm()
        except Exception as error:
            # While the server stops, its parts close under the warming: no failure of the start.
            if not stop_requested.is_set():
                failures.append(error)
                stop_requested.set()

    # In a thread, so that a signal is heeded while weights are downloaded.
    warming = threading.Thread(target=warm, daemon=True, name="warm")
    warming.start()
    stop_requested.wait()
    server.stop()
    warming.join(settings.drain_timeout_s)
    if failures:
        raise failures[0]
