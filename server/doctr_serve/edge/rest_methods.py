"""The REST methods of the contract: its ``google.api.http`` annotations, read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from google.api import annotations_pb2, httpbody_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

__all__ = ["RestMethod", "raw_body_fields", "rest_methods"]

VERBS = ("get", "put", "post", "delete", "patch")
_VARIABLE = re.compile(r"\{([\w.]+)(?:=([^}]*))?\}|\*\*|\*")
"""A part of a path template that stands for something: ``{name}``, ``{name=**}``, ``*``."""
_VERB = re.compile(r":\w+$")
"""The custom verb at the end of a path template: ``/v1/documents:read``."""


@dataclass(frozen=True)
class RestMethod:
    """One HTTP verb on one path, and the request message behind it.

    Attributes:
        verb: ``GET``, ``POST``, ...
        path: the annotation's path template: ``/ocr``, ``/models/{name=**}``.
        body: the field that the HTTP body is bound to: empty for none, ``*`` for the whole message.
        request: the method's request message.
        streams_answers: whether the answer is an array, sent entry by entry.
    """

    verb: str
    path: str
    body: str
    request: Descriptor
    streams_answers: bool = False

    @property
    def is_upload(self) -> bool:
        """Whether the body is raw bytes, as a form is: bound to a ``google.api.HttpBody``."""
        return self.body in raw_body_fields(self.request)

    @property
    def is_json(self) -> bool:
        """Whether the body is the whole message as JSON, which the server reads: see :func:`raw_body_fields`."""
        return self.body == "*" and bool(raw_body_fields(self.request))

    @property
    def path_regex(self) -> str:
        """What the whole path must match; it may end with a slash where the transcoder has it too: not after a verb."""
        regex, end = "", 0
        for match in _VARIABLE.finditer(self.path):
            template = match[2] or ("*" if match[1] else match[0])
            regex += re.escape(self.path[end : match.start()]) + _segments_regex(template)
            end = match.end()
        return regex + re.escape(self.path[end:]) + ("" if _VERB.search(self.path) else "/?")

    @property
    def path_fields(self) -> set[str]:
        """The fields that the path sets."""
        return {match[1] for match in _VARIABLE.finditer(self.path) if match[1]}

    @property
    def parameters(self) -> tuple[FieldDescriptor, ...]:
        """The fields that callers set as query parameters."""
        if self.body == "*":
            return ()
        return tuple(
            field
            for field in self.request.fields
            if field.message_type is None and field.name not in self.path_fields
        )

    @property
    def no_parameters(self) -> tuple[str, ...]:
        """The fields that Envoy's transcoder would bind query parameters to, but that no caller may set so."""
        return tuple(
            field.name for field in self.request.fields if field.message_type is not None and self.body != "*"
        )


def raw_body_fields(request: Descriptor) -> tuple[str, ...]:
    """Returns the fields of a request message that take a body as it came, of the type ``google.api.HttpBody``.

    Envoy hands over a body that the contract binds with ``*`` in the first of them, and the server reads it: Envoy's
    transcoder would pass over fields that it does not know, and repeat a whole document where its base64 is wrong.
    """
    raw = httpbody_pb2.HttpBody.DESCRIPTOR.full_name
    return tuple(
        field.name
        for field in request.fields
        if field.message_type is not None and field.message_type.full_name == raw
    )


def rest_methods(service: ServiceDescriptor) -> tuple[RestMethod, ...]:
    """Returns the service's REST methods in the contract's order, those of one path together.

    Paths with variables come last: Envoy takes the first route that fits.

    Raises:
        ValueError: an annotation with a verb of its own (``custom``), which REST does not have.
    """
    found = [method for rpc in service.methods for method in _annotated(rpc)]
    paths = list(dict.fromkeys(method.path for method in found))
    return tuple(sorted(found, key=lambda method: ("{" in method.path, paths.index(method.path))))


def _annotated(rpc: MethodDescriptor) -> Iterator[RestMethod]:
    """The REST methods of one method of the contract: none without an annotation."""
    if not rpc.GetOptions().HasExtension(annotations_pb2.http):
        return
    rule = rpc.GetOptions().Extensions[annotations_pb2.http]
    for binding in (rule, *rule.additional_bindings):
        verb = binding.WhichOneof("pattern")
        if verb not in VERBS:
            raise ValueError(f"{rpc.full_name}: REST has no method '{verb}'; use one of {', '.join(VERBS)}")
        yield RestMethod(
            verb.upper(), getattr(binding, verb), binding.body, rpc.input_type, rpc.server_streaming
        )


def _segments_regex(template: str) -> str:
    """The regex of a variable's template, such as ``*``, ``**`` or ``models/*``."""
    parts = {"**": ".+", "*": "[^/]+"}
    return "/".join(parts.get(part, re.escape(part)) for part in template.split("/"))
