"""Structured logs: one event a line, each with the request's id. Documents and passwords are never logged."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Literal

import structlog

__all__ = ["MalformedMessages", "configure_logs"]

MALFORMED_INTERVAL_S = 60.0
"""Seconds between two lines about messages that cannot be parsed."""


class MalformedMessages(logging.Filter):
    """Bounds what grpc logs of messages that cannot be parsed: an error with a traceback for each.

    Its callers are told anyway, and a hostile one must not fill the log. What else the logger has to say, of answers
    that cannot be serialised, is a fault of the server and stays as it is.

    Args:
        clock: seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._silent_until_s = -float("inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether the record is written; a warning of one line where it is about such a message."""
        if record.msg != "Exception deserializing message!":  # grpc/_common.py, deserialize
            return True
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        with self._lock:
            if self._clock() < self._silent_until_s:
                return False
            self._silent_until_s = self._clock() + MALFORMED_INTERVAL_S
        return True


MALFORMED_MESSAGES = MalformedMessages()
"""The one of this process: loggers keep their filters, and take the same one only once."""


def configure_logs(log_format: Literal["json", "console"], level: str) -> None:
    """Sends structlog's and the standard library's records to stderr in one format.

    Args:
        log_format: ``json`` for machines, ``console`` for people.
        level: least severe level that is written.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:-1],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # No local variables in tracebacks, which both renderers would print by default: they hold documents.
    last: list[structlog.typing.Processor] = (
        [
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ]
        if log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    # It warns of every malformed form, which the caller is told anyway: a hostile client must not fill the log.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    logging.getLogger("grpc._common").addFilter(MALFORMED_MESSAGES)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
