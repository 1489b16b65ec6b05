"""Servers that hang, come and go."""

import threading

import grpc
import httpx
import pytest
from doctr_serve.edge.config import EnvoyOptions, render
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from support.dns_server import run_dns_server
from support.rest_edge import SERVER_LIMIT_BYTES, assert_error, post
from support.rest_server import run_envoy, run_form_server
from support.waiting import eventually


def test_a_server_that_no_longer_answers_is_504_when_envoys_own_limit_passes(server, service):
    config = render(EnvoyOptions(listen="127.0.0.1:0", admin="127.0.0.1:0", upstreams=(server.address,)))
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        if "max_stream_duration" in route.get("route", {}):
            route["route"]["max_stream_duration"]["max_stream_duration"] = "0.3s"
    service.page_permits = threading.Semaphore(0)
    with run_envoy(EnvoyOptions(), config=config) as url, httpx.Client(base_url=url, timeout=30) as client:
        assert_error(post(client), 504, grpc.StatusCode.DEADLINE_EXCEEDED)
        assert service.calls[-1].ended.wait(5)


def test_no_server_is_503_in_the_contracts_form_and_health_says_so():
    options = EnvoyOptions(upstreams=("127.0.0.1:1",))
    with run_envoy(options) as url, httpx.Client(base_url=url, timeout=30) as client:
        response = post(client)
        message = assert_error(response, 503, grpc.StatusCode.UNAVAILABLE)
        assert int(response.headers["retry-after"]) > 0
        assert "127.0.0.1" not in message
        assert client.get("/health").status_code == 503
        with (
            grpc.insecure_channel(url.removeprefix("http://")) as channel,
            pytest.raises(grpc.RpcError) as refusal,
        ):
            ocr_pb2_grpc.OCRServiceStub(channel).ListModels(ocr_pb2.ListModelsRequest(), timeout=30)
        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not refusal.value.details().startswith("{")


def test_a_name_with_two_addresses_is_two_servers_and_one_may_die():
    limit = {"max_request_bytes": SERVER_LIMIT_BYTES}
    with run_form_server(host="127.0.0.1", **limit) as first:
        port = int(first.address.rpartition(":")[2])
        with (
            run_form_server(host="127.0.0.2", port=port, **limit) as second,
            run_dns_server("ocr.example", ["127.0.0.1", "127.0.0.2"]) as dns_port,
            run_envoy(EnvoyOptions(), config=with_resolver(f"ocr.example:{port}", dns_port)) as url,
            httpx.Client(base_url=url, timeout=30) as client,
        ):
            services = first.service, second.service
            eventually(lambda: client.get("/health").status_code == 200)
            eventually(lambda: post(client).status_code == 200 and all(s.calls for s in services))

            second.set_serving(False)  # drains: nothing new comes
            eventually(lambda: not_called(second.service, lambda: post(client), times=10))

            second.set_serving(True)
            eventually(lambda: post(client).status_code == 200 and len(second.service.calls) > 0)
            first.grpc_server.stop(grace=None).wait()  # dies
            # A request on a connection that is just closing may be lost: its body is not kept to be sent again.
            eventually(lambda: [post(client).status_code for _ in range(10)] == [200] * 10)
            second.grpc_server.stop(grace=None).wait()
            assert_error(post(client), 503, grpc.StatusCode.UNAVAILABLE)
            eventually(lambda: client.get("/health").status_code == 503)


def not_called(service, action, *, times):
    """Whether the service sees none of several successful calls; forgets what it saw before."""
    service.calls.clear()
    assert [action().status_code for _ in range(times)] == [200] * times
    return not service.calls


def with_resolver(upstream, dns_port):
    """The shipped configuration, asking our own DNS server for the upstream's name."""
    config = render(EnvoyOptions(listen="127.0.0.1:0", admin="127.0.0.1:0", upstreams=(upstream,)))
    cluster = config["static_resources"]["clusters"][0]
    cluster["cluster_type"]["typed_config"]["typed_dns_resolver_config"] = {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": "127.0.0.1", "port_value": dns_port}}],
            "dns_resolver_options": {"use_tcp_for_dns_lookups": False, "no_default_search_domain": True},
        },
    }
    return config
