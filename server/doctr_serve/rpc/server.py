"""Builds, starts, drains and stops one gRPC server."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Sequence
from functools import partial

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from doctr_serve.common.addresses import host_and_port
from doctr_serve.common.native_memory import IdleTrim, bound_native_memory, trim_native_memory
from doctr_serve.common.stop_signals import StopSignals
from doctr_serve.reading import Reader
from doctr_serve.rpc.call_interceptor import CallInterceptor
from doctr_serve.rpc.methods import SERVICE_NAME, ThreadGroup
from doctr_serve.rpc.open_calls import OpenCalls
from doctr_serve.rpc.servicer import OCRServicer
from doctr_serve.rpc.threads import GroupedThreads
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2_grpc

__all__ = ["OCRServer", "serve"]

SPARE_THREADS = 8
"""Threads for documents beyond the places in the queue: they refuse what does not fit."""

SMALL_THREADS = {ThreadGroup.QUERIES: 128, ThreadGroup.HEALTH: 128, ThreadGroup.STREAMS: 64}
"""Threads of the groups that read no documents, at most: they are started as they are needed."""

MAX_CONCURRENT_RPCS = 1000
"""RPCs open at once, idle health watchers included; grpc itself refuses more with RESOURCE_EXHAUSTED."""

MAX_METADATA_BYTES = 64 * 1024

# More than Envoy takes (envoy.yaml, max_request_headers_kb): between grpc's own 8 and 16 KB it refuses at
# random, and what a long query is answered must not be chance.
METADATA_OPTIONS = (
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
)

SIGNAL_POLL_INTERVAL_S = 0.1

logger = structlog.get_logger("doctr_serve.rpc.server")


class OCRServer:
    """One gRPC server over one reader.

    Args:
        settings: the server's settings.
        reader: reads documents; by default the one the settings describe.
        interceptors: further in than the server's own; what they refuse comes out like any other error.
    """

    def __init__(
        self,
        settings: Settings,
        reader: Reader | None = None,
        *,
        interceptors: Sequence[grpc.ServerInterceptor] = (),
    ) -> None:
        self.settings = settings
        self.reader = reader or Reader(settings)
        self._health = health.HealthServicer(experimental_non_blocking=True)
        places = settings.max_uploads + settings.max_concurrent_requests + settings.max_queued_requests
        self._threads = GroupedThreads({ThreadGroup.DOCUMENTS: places + SPARE_THREADS, **SMALL_THREADS})
        self._open_calls = OpenCalls()
        self._server = self._build(interceptors)
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
        self.reader.warm()
        self._set_health(health_pb2.HealthCheckResponse.SERVING)
        logger.info("serving")

    def stop(self) -> None:
        """Drains and stops.

        Health flips first, then new calls are refused; calls in flight finish within ``drain_timeout_s``, the rest
        is cancelled.
        """
        self._health.enter_graceful_shutdown()
        self.reader.drain()
        logger.info("draining")
        give_up_at = time.monotonic() + self.settings.drain_timeout_s
        # First those that work, then those whose answers are still being sent.
        drained = self.reader.wait_until_idle(self.settings.drain_timeout_s)
        drained &= self._open_calls.wait_until_none(max(0.0, give_up_at - time.monotonic()))
        self._server.stop(grace=1.0 if drained else 0.0).wait()
        # grpc leaves its threads to their owner. Calls that were cancelled end here, before what they use closes.
        self._threads.shutdown()
        self.reader.close()
        logger.info("stopped", drained=drained)

    def _build(self, interceptors: Sequence[grpc.ServerInterceptor]) -> grpc.Server:
        settings = self.settings
        server = grpc.server(
            self._threads,
            interceptors=(CallInterceptor(settings, self.reader.arrival, self._open_calls), *interceptors),
            maximum_concurrent_rpcs=MAX_CONCURRENT_RPCS,
            options=(
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", -1),
                *METADATA_OPTIONS,
                # Without this a second server on the same port starts silently and steals half of the calls.
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ),
        )
        ocr_pb2_grpc.add_OCRServiceServicer_to_server(OCRServicer(self.reader), server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if settings.reflection:
            reflection.enable_server_reflection(
                (SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), server
            )
        return server

    def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in (health.OVERALL_HEALTH, SERVICE_NAME):
            self._health.set(service, status)


def serve(settings: Settings) -> None:
    """Runs a server until SIGTERM, SIGINT or SIGHUP, then drains it.

    Raises:
        WeightsUnavailableError: weights of the default pair that are missing and could not be fetched.
        RuntimeError: the address cannot be bound.
    """
    bound_native_memory()
    with StopSignals() as signals:
        server = OCRServer(settings)
        server.start()
        failures: list[Exception] = []
        stopping = threading.Event()

        def warm() -> None:
            try:
                server.warm()
            except Exception as error:
                # While the server stops, its parts close under the warming: no failure of the start.
                if not stopping.is_set():
                    failures.append(error)

        # In a thread, so that a signal is heeded while weights are downloaded.
        warming = threading.Thread(target=warm, daemon=True, name="warm")
        warming.start()
        idle_trim = IdleTrim(partial(_release_memory, server.reader))
        while not (signals.count or failures):
            time.sleep(SIGNAL_POLL_INTERVAL_S)
            idle_trim.note(idle=not warming.is_alive() and server.reader.wait_until_idle(0))
        stopping.set()
        server.stop()
        warming.join(settings.drain_timeout_s)
    if failures:
        raise failures[0]


def _release_memory(reader: Reader) -> None:
    reader.release_memory()
    gc.collect()  # of the thousands of modules that torch imports, and of calls that ended in a cycle
    trim_native_memory()
