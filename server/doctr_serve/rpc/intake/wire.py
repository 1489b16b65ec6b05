"""Serialised messages, looked at before they are parsed: what is no message, or holds too many parts, is refused.

A message is small on the wire and large in memory: an empty document takes three bytes there and a hundred here, so
that eight megabytes of them make 270. Counting fields costs nothing beside that, since it stops at the limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from doctr_serve.errors import DoctrServeError, InvalidRequestError, RequestTooLargeError

__all__ = ["RefusedMessage", "checked", "max_fields_for"]

Deserializer = Callable[[bytes], Any]

VARINT, FIXED64, LENGTH_DELIMITED, GROUP_START, GROUP_END, FIXED32 = range(6)
FIXED_BYTES = {FIXED64: 8, FIXED32: 4}

FIELDS_PER_DOCUMENT = 8
"""Fields of one document, itself included, with room for those of later versions."""

OTHER_FIELDS = 64
"""Fields of a message besides its documents: the options, a form's body."""


@dataclass(frozen=True)
class RefusedMessage:
    """Stands in the place of a message that was not parsed.

    grpc answers INTERNAL, and logs a traceback, where a deserializer raises: this passes it by, and
    :func:`~doctr_serve.rpc.intake.incoming.interruptible` raises ``error`` where a call's errors are answered.

    Attributes:
        error: what the caller is told.
    """

    error: DoctrServeError


def max_fields_for(max_documents: int) -> int:
    """Returns how many fields a message may have, those of its documents included."""
    return OTHER_FIELDS + FIELDS_PER_DOCUMENT * (max_documents + 1)


def checked(deserializer: Deserializer | None, *, max_fields: int) -> Deserializer | None:
    """Returns a deserializer that parses what is worth it, and else returns a :class:`RefusedMessage`.

    Args:
        deserializer: a message class's ``FromString``; anything else, such as None for raw bytes, is returned as it is.
        max_fields: most fields of one message, those of the messages in it included.
    """
    message_class = getattr(deserializer, "__self__", None)
    descriptor = getattr(message_class, "DESCRIPTOR", None)
    if deserializer is None or not isinstance(descriptor, Descriptor):
        return deserializer

    def deserialize(serialized: bytes) -> Any:
        try:
            if _FieldCount(serialized, max_fields).exceeded_by(descriptor):
                return RefusedMessage(_too_many_fields(max_fields))
            return deserializer(serialized)
        except (DecodeError, IndexError):
            return RefusedMessage(_no_message(descriptor))

    return deserialize


class _FieldCount:
    """Walks over the fields of a serialised message, and into the messages among them, up to a limit."""

    def __init__(self, serialized: bytes, max_fields: int) -> None:
        self._serialized = serialized
        self._left = max_fields

    def exceeded_by(self, descriptor: Descriptor) -> bool:
        """Returns whether there are more fields than the limit; a malformed rest is left for the parser to refuse."""
        self._walk(0, len(self._serialized), descriptor)
        return self._left < 0

    def _walk(self, position: int, end: int, descriptor: Descriptor) -> None:
        while position < end and self._left >= 0:
            self._left -= 1
            tag, position = self._varint(position)
            number, wire_type = tag >> 3, tag & 7
            if number == 0:
                raise DecodeError("field number 0")
            if wire_type == VARINT:
                _, position = self._varint(position)
            elif wire_type == LENGTH_DELIMITED:
                length, position = self._varint(position)
                inner = _message_in(descriptor, number)
                if inner is not None:
                    self._walk(position, min(position + length, end), inner)
                position += length
            elif wire_type in FIXED_BYTES:
                position += FIXED_BYTES[wire_type]
            elif wire_type not in (GROUP_START, GROUP_END):
                raise DecodeError("unknown wire type")
            # A group, which no message of ours has, stays the bytes that it is; its fields count as if they were
            # this message's own.

    def _varint(self, position: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = self._serialized[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift >= 70:
                return value, position


def _message_in(descriptor: Descriptor, number: int) -> Descriptor | None:
    field = descriptor.fields_by_number.get(number)
    return field.message_type if field is not None and field.type == FieldDescriptor.TYPE_MESSAGE else None


def _too_many_fields(max_fields: int) -> RequestTooLargeError:
    return RequestTooLargeError(
        f"a message has more than {max_fields} fields, those of its documents included; send several requests, or ask "
        "the operator to raise max_documents",
        field="documents",
    )


def _no_message(descriptor: Descriptor) -> InvalidRequestError:
    return InvalidRequestError(
        f"the message is no serialised {descriptor.full_name}; make the caller's stubs from the server's own contract"
    )
