"""Callers who are slow to ask, to send or to read: who ends them, when, and with which answer.

The shipped values are tens of seconds; here they are short ones of the same order.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

import grpc
import pytest
from doctr_serve.edge.config import EnvoyOptions, render
from doctr_serve.settings import Settings
from support.raw_callers import (
    FORM_HEAD,
    POST_HEAD,
    connected,
    drip,
    frames,
    get_over_http2,
    received,
    response_of,
)
from support.rest_edge import MIB, assert_error
from support.rest_server import run_envoy, run_form_server
from support.server import running
from support.waiting import eventually

DEADLINE = grpc.StatusCode.DEADLINE_EXCEEDED
RST_STREAM = 3
DATA = 0


END_OF_ANSWER = b"]\r\n0\r\n\r\n"


@pytest.fixture
def server():
    """A server without limits of its own, as one that hangs."""
    with run_form_server(max_request_bytes=MIB) as running_server:
        yield running_server


@pytest.fixture
def edge(server):
    """Runs Envoy with some limits set to other seconds; returns its URL."""
    with ExitStack() as stack:

        def run(**limits):
            options = EnvoyOptions(listen="127.0.0.1:0", admin="127.0.0.1:0", upstreams=(server.address,))
            config = render(options)
            set_limits(config, limits)
            return stack.enter_context(run_envoy(options, config=config))

        yield run


def set_limits(config, limits):
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    places = [manager, manager["common_http_protocol_options"]]
    places += [route["route"].get("max_stream_duration", {}) for route in routes if "route" in route]
    for name, seconds in limits.items():
        found = [place for place in places if name in place]
        assert found, f"the shipped configuration says nothing of {name}"
        for place in found:
            place[name] = f"{seconds}s"


@pytest.fixture(scope="module")
def real_edge():
    """Envoy with its shipped limits before a real server with short ones."""
    settings = Settings(
        port=0,
        download_at_start=False,
        default_detection_model="bundled/db_mobilenet_v3_large",
        default_recognition_model="bundled/crnn_mobilenet_v3_small",
        upload_idle_timeout_s=1,
        min_upload_bytes_per_s=1000,
        log_level="warning",
    )
    with running(settings) as service, run_envoy(EnvoyOptions(upstreams=(service.address,))) as url:
        eventually(lambda: is_healthy(url))
        yield url


def is_healthy(url):
    with connected(url) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: edge\r\n\r\n")
        return response_of(connection).status_code == 200


def chunk(content):
    return b"%x\r\n%s\r\n" % (len(content), content)


SMALL_REQUEST = POST_HEAD + chunk(FORM_HEAD + b"x\r\n--x--\r\n") + chunk(b"")


@pytest.mark.parametrize(
    "begun",
    [b"P", b"POST /ocr HTTP/1.1\r\nhost: edge\r\nx-drip: "],
    ids=["in the request line", "in a header"],
)
def test_headers_that_drip_are_cut_off_before_any_server_hears_of_them(edge, server, begun):
    with connected(edge(request_headers_timeout=1)) as connection:
        connection.sendall(begun)
        drip(connection, b"a", interval_s=0.1)
        message = assert_error(response_of(connection), 504, DEADLINE)
        assert "came for too long" in message
        assert received(connection) == b""
    assert server.service.calls == []


def test_a_connection_that_asks_nothing_is_closed(edge):
    with connected(edge(idle_timeout=0.5)) as connection:
        assert received(connection) == b""


@pytest.mark.parametrize("sent", [b"", chunk(FORM_HEAD)], ids=["nothing", "the beginning"])
def test_an_upload_that_stops_is_ended_by_the_server_which_says_what_it_waited_for(real_edge, sent):
    with connected(real_edge) as connection:
        connection.sendall(POST_HEAD + sent)
        message = assert_error(response_of(connection), 504, DEADLINE)
        assert "nothing of the request arrived for 1 s" in message
        assert "upload_idle_timeout_s" in message


def test_an_upload_that_drips_is_ended_by_the_server_which_says_how_slow_it_was(real_edge):
    with connected(real_edge) as connection:
        connection.sendall(POST_HEAD + chunk(FORM_HEAD))
        drip(connection, chunk(b"x"), interval_s=0.2)
        assert "min_upload_bytes_per_s" in assert_error(response_of(connection), 504, DEADLINE)


@pytest.mark.parametrize("verb", ["read", "stream"])
def test_json_that_stops_or_drips_is_ended_by_the_server_which_says_what_it_waited_for(real_edge, verb):
    head = POST_HEAD.replace(b"/ocr", f"/v1/documents:{verb}".encode())
    head = head.replace(b"multipart/form-data; boundary=x", b"application/json")
    for dripping in (False, True):
        with connected(real_edge) as connection:
            connection.sendall(head + chunk(b'{"documents": [{"content": "'))
            if dripping:
                drip(connection, chunk(b"A"), interval_s=0.2)
            message = assert_error(response_of(connection), 504, DEADLINE)
            assert "nothing of the request arrived for 1 s" in message


def test_an_upload_that_stops_before_a_server_that_hangs_is_ended_by_envoy(edge, server):
    with connected(edge(stream_idle_timeout=1)) as connection:
        connection.sendall(POST_HEAD + chunk(FORM_HEAD))
        message = assert_error(response_of(connection), 504, DEADLINE)
        assert "came for too long" in message
    assert server.service.calls[-1].ended.wait(10)


def test_an_upload_that_drips_before_a_server_that_hangs_is_ended_by_envoy_whatever_deadline_it_names(edge):
    url = edge(max_stream_duration=1, grpc_timeout_header_max=1)
    with connected(url) as connection:
        connection.sendall(POST_HEAD.replace(b"host:", b"grpc-timeout: 9999H\r\nhost:") + chunk(FORM_HEAD))
        drip(connection, chunk(b"x"), interval_s=0.2)
        assert_error(response_of(connection), 504, DEADLINE)


@pytest.mark.parametrize("pages", [9, 100], ids=["at the end of the answer", "in the middle of it"])
def test_a_caller_who_does_not_read_is_let_go(edge, server, pages):
    # Nine are more than the system takes for a connection, so that Envoy still holds some of them.
    server.service.pages, server.service.word = pages, "x" * (MIB // 2)
    url = edge(idle_timeout=1, max_stream_duration=1)
    with connected(url, receive_buffer_bytes=4096) as connection:
        connection.sendall(SMALL_REQUEST)
        eventually(lambda: server.service.calls)
        assert server.service.calls[-1].ended.wait(10)
        time.sleep(3)  # reading to see whether it is closed would open it up again
        assert not received(connection).endswith(END_OF_ANSWER)


def test_a_caller_who_pauses_gets_the_whole_answer_and_holds_up_the_server_meanwhile(edge, server):
    server.service.pages, server.service.word = 300, "x" * 60_000
    with connected(edge(idle_timeout=1)) as connection:
        connection.sendall(SMALL_REQUEST)
        eventually(lambda: server.service.calls)
        assert not server.service.calls[-1].ended.wait(2)
        assert received(connection).endswith(END_OF_ANSWER)


def test_a_caller_over_http2_who_does_not_read_is_let_go_at_the_end_of_the_answer_too(edge):
    with connected(edge(stream_flush_timeout=1)) as connection:
        get_over_http2(connection, "/models", window_bytes=0)
        seen = []
        for kind in frames(connection):
            seen.append(kind)
            if kind == RST_STREAM:
                break
    assert seen[-1] == RST_STREAM
    assert DATA not in seen
