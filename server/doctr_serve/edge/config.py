"""Envoy's configuration: ``envoy/envoy.yaml`` with addresses, limits and origins put into it.

Envoy itself reads no variables, so the command fills them in. What each value is for stands in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Config", "EnvoyOptions", "InvalidAddressError", "config_folder", "parse_address", "render"]

MIB = 1024 * 1024
SERVER_LIMIT_MARGIN_S = 60.0
"""Envoy's timeouts come this much after the server's, so that the server's own, better answer is first."""

JSON_MARGIN_BYTES = 1024
"""What a message has besides the JSON in it: its content type, and the frames of its fields."""

_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]/\s]+)):(?P<port>\d{1,5})")

Config = dict[str, Any]
"""A configuration, or a part of it, as YAML and JSON have it."""


class InvalidAddressError(ValueError):
    """An address is not ``host:port``."""


@dataclass(frozen=True)
class EnvoyOptions:
    """What differs between deployments; the defaults, also the command's, are the file's own values.

    Attributes:
        listen: ``host:port`` for gRPC, grpc-web and REST; port 0 takes a free one.
        upstreams: ``host:port`` of the servers; a DNS name stands for all of its addresses.
        admin: ``host:port`` of Envoy's admin interface; whoever reaches it can stop Envoy.
        max_request_bytes: largest body of an upload (``POST /ocr``); larger ones are answered with 413.
        max_message_bytes: the server's limit for one message, in which a body of JSON has to fit.
        request_timeout_s: the server's limit for one request.
        send_timeout_s: the server's limit for a caller to take a part of its answer.
        cors_origins: origins whose pages may call from a browser: ``https://app.example.com``, or ``*``;
            empty for the file's own, which are those of localhost.
        access_log: a file, ``-`` for stdout, ``off`` for none.
        reuse_port: whether other programs that want it too may listen on the same port; each gets a share of the
            connections.
    """

    listen: str = "127.0.0.1:8080"
    upstreams: tuple[str, ...] = ("127.0.0.1:50051",)
    admin: str = "127.0.0.1:9901"
    max_request_bytes: int = 100 * MIB
    max_message_bytes: int = 4 * MIB
    request_timeout_s: float = 600.0
    send_timeout_s: float = 60.0
    cors_origins: tuple[str, ...] = ()
    access_log: str = "-"
    reuse_port: bool = False

    @property
    def max_json_bytes(self) -> int:
        """Largest body of a request that is JSON; larger ones are answered with 413."""
        return max(1, self.max_message_bytes - JSON_MARGIN_BYTES)


def config_folder() -> Path:
    """The folder with ``envoy.yaml`` and the descriptor set: of the installed package, or of the repository."""
    installed = Path(__file__).parents[1] / "_envoy"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "envoy"


def parse_address(address: str) -> tuple[str, int]:
    """Returns host, an IPv6 one without its brackets, and port of ``host:port``.

    Raises:
        InvalidAddressError: it is none.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65535:
        raise InvalidAddressError(f"'{address}' is no host:port, such as 127.0.0.1:8080 or [::1]:8080")
    return match["ipv6"] or match["name"], int(match["port"])


def render(options: EnvoyOptions) -> Config:
    """Returns the configuration, ready for Envoy as JSON or YAML.

    Raises:
        InvalidAddressError: an address is not ``host:port``.
        ImportError: PyYAML, which the extra ``server`` brings, is missing.
    """
    import yaml  # here, as the command's help needs the defaults above on the plain install too

    config: Config = yaml.safe_load((config_folder() / "envoy.yaml").read_text())
    manager = _connection_manager(config)
    _filter(manager, "grpc_json_transcoder")["proto_descriptor"] = str(config_folder() / "ocr.descriptor.pb")
    listener = config["static_resources"]["listeners"][0]
    listener["address"] = _socket_address(options.listen)
    listener["enable_reuse_port"] = options.reuse_port
    config["admin"]["address"] = _socket_address(options.admin)
    endpoints = [{"endpoint": {"address": _socket_address(upstream)}} for upstream in options.upstreams]
    config["static_resources"]["clusters"][0]["load_assignment"]["endpoints"] = [{"lb_endpoints": endpoints}]
    _set_max_bytes(manager, EnvoyOptions.max_request_bytes, options.max_request_bytes)
    _set_max_bytes(manager, EnvoyOptions().max_json_bytes, options.max_json_bytes)
    _set_timeout(manager, options.request_timeout_s + SERVER_LIMIT_MARGIN_S)
    manager["stream_flush_timeout"] = f"{options.send_timeout_s:g}s"
    if options.cors_origins:
        _set_cors_origins(manager, options.cors_origins)
    _set_access_log(manager, options.access_log)
    return config


def _connection_manager(config: Config) -> Config:
    return config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def _filter(manager: Config, name: str) -> Config:
    """The configuration of the HTTP filter ``envoy.filters.http.<name>``."""
    return next(
        entry["typed_config"]
        for entry in manager["http_filters"]
        if entry["name"] == f"envoy.filters.http.{name}"
    )


def _routes(manager: Config) -> list[Config]:
    return [route for host in manager["route_config"]["virtual_hosts"] for route in host["routes"]]


def _socket_address(address: str) -> Config:
    host, port = parse_address(address)
    return {"socket_address": {"address": host, "port_value": port}}


def _set_max_bytes(manager: Config, shipped: int, wanted: int) -> None:
    """Puts the wanted limit of bodies where the file has the shipped one, its messages included."""
    for route in _routes(manager):
        for header in route["match"].get("headers", ()):
            if header.get("range_match", {}).get("start") == shipped + 1:
                header["range_match"]["start"] = wanted + 1
        if route.get("request_body_buffer_limit") == shipped:
            route["request_body_buffer_limit"] = wanted
    for mapper in manager["local_reply_config"]["mappers"]:
        body = mapper["body_format_override"].get("json_format", {})
        if "message" in body:
            body["message"] = body["message"].replace(f"{shipped} bytes", f"{wanted} bytes")


def _set_timeout(manager: Config, timeout_s: float) -> None:
    manager["stream_idle_timeout"] = f"{timeout_s:g}s"
    for route in _routes(manager):
        limits = route.get("route", {}).get("max_stream_duration", {})
        for limit in limits:
            limits[limit] = f"{timeout_s:g}s"


def _set_cors_origins(manager: Config, origins: tuple[str, ...]) -> None:
    matches = [
        {"safe_regex": {"regex": ".*"}} if origin == "*" else {"exact": origin.rstrip("/")}
        for origin in origins
    ]
    for host in manager["route_config"]["virtual_hosts"]:
        policy = host["typed_per_filter_config"]["envoy.filters.http.cors"]
        policy["allow_origin_string_match"] = matches


def _set_access_log(manager: Config, access_log: str) -> None:
    if access_log == "off":
        manager["access_log"] = []
    elif access_log != "-":
        stdout = manager["access_log"][0]["typed_config"]
        manager["access_log"] = [
            {
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    **stdout,
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                    "path": access_log,
                },
            }
        ]
