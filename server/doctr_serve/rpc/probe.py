"""Whether a server takes requests, asked from outside."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

__all__ = ["grpc_is_serving"]

PROBE_TIMEOUT_S = 2.0


def grpc_is_serving(address: str) -> bool:
    """Whether the gRPC server at ``host:port`` reports itself SERVING to grpc.health.v1."""
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=PROBE_TIMEOUT_S)
        except grpc.RpcError:
            return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING
