"""The decoder process: parses hostile files so that the server does not have to.

Started by ``documents.process`` as ``python -m doctr_serve.decoder.worker <socket> <memory bytes> <timeout>
<page pixels> <scan pixels>``. It holds at most one document, answers one message at a time, and ends when its socket
does. It imports neither torch nor grpc.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from doctr_serve.decoder.budget import Budget
from doctr_serve.decoder.channel import Channel, ChannelClosedError
from doctr_serve.decoder.encoded_text import guess_encoding
from doctr_serve.decoder.failure import DecodeFailure
from doctr_serve.decoder.formats import ACCEPTED_FORMATS, HEAD_BYTES, guess_foreign_format, sniff_format
from doctr_serve.decoder.notices import Notice, Raster
from doctr_serve.decoder.pdf_document import PdfDocument
from doctr_serve.decoder.picture_document import PictureDocument
from doctr_serve.decoder.tiff_document import TiffDocument

__all__ = ["Worker", "main", "open_document"]

DAMAGED = "the content is damaged or incomplete"
OUT_OF_MEMORY = "decoding it needs more memory than this server allows; send it smaller"

# The server gives an operation up first; this many times later the process ends itself, in case the server is gone.
SELF_DESTRUCT_FACTOR = 2.0

# A tenth of the share of a core that the server's threads get (sched(7)), where all cores are busy; else all of it.
NICENESS = 10


class Document(Protocol):
    """What every format offers."""

    @property
    def page_count(self) -> int:
        """Pages of the document."""

    @property
    def notices(self) -> Sequence[Notice]:
        """What a caller should know of the document."""

    def size(self, page_number: int) -> tuple[int, int]:
        """Height and width in pixels, from headers; (0, 0) for a damaged page."""

    def decode(self, page_number: int) -> Raster:
        """The page, within the budget."""

    def close(self) -> None:
        """Frees everything."""


def open_document(file: BinaryIO, password: str, budget: Budget) -> tuple[str, Document]:
    """Returns the format's name and the opened document.

    Args:
        file: the file, open for reading.
        password: for an encrypted PDF; "" for none.
        budget: what the process may take.

    Raises:
        DecodeFailure: the content is of no accepted format, or encrypted.
        Exception: whatever the format's parser raises for damaged content.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise DecodeFailure("unreadable", "the file is empty")
    format_name = _format_of(head)
    if format_name == "pdf":
        return format_name, PdfDocument(file, password, budget)
    if format_name == "tiff":
        return format_name, TiffDocument(file, budget)
    return format_name, PictureDocument(file, format_name, budget)


def _format_of(head: bytes) -> str:
    # Before the formats: an address may hold a PDF's first line as it is, which may stand anywhere in the head.
    encoding = guess_encoding(head)
    if encoding is not None:
        raise DecodeFailure(
            "unsupported", f"the content is {encoding}; send the file's own bytes, not encoded as text"
        )
    format_name = sniff_format(head)
    if format_name is None:
        guess = guess_foreign_format(head)
        looks_like = f", it looks like {guess}" if guess else ""
        raise DecodeFailure(
            "unsupported",
            f"the content is of no accepted format{looks_like}; accepted are {ACCEPTED_FORMATS}",
        )
    return format_name


class Worker:
    """Answers the server's messages.

    Args:
        channel: the socket to the server.
        timeout_s: seconds after which the server gives an operation up. When it is gone and a parser hangs, the
            process ends itself after some more.
        budget: what each operation may take of this process.
    """

    def __init__(self, channel: Channel, timeout_s: float, budget: Budget) -> None:
        self._channel = channel
        self._timeout_s = timeout_s * SELF_DESTRUCT_FACTOR
        self._budget = budget
        self._document: Document | None = None
        self._file_bytes = 0

    def run(self) -> None:
        """Says that it is ready, then serves until the server closes the socket."""
        with contextlib.suppress(ChannelClosedError), open(os.devnull, "w") as nowhere:
            self._channel.send({"ready": True})
            while True:
                message, descriptor = self._channel.receive()
                faulthandler.dump_traceback_later(self._timeout_s, exit=True, file=nowhere)
                self._budget.begin(self._file_bytes)
                reply, bands = self._answer(message, descriptor)
                faulthandler.cancel_dump_traceback_later()
                self._channel.send(reply)
                for band in bands:
                    self._channel.send_bytes(band)
                # Only now may the page's memory go; the next page needs it.
                del bands
                self._budget.end()

    def open(self, file: BinaryIO, password: str) -> dict[str, Any]:
        """Opens a document in place of the one before; returns the reply."""
        self.close()
        self._file_bytes = os.fstat(file.fileno()).st_size
        self._budget.begin(self._file_bytes)
        format_name, self._document = open_document(file, password, self._budget)
        return {
            "format": format_name,
            "page_count": self._document.page_count,
            "warnings": list(self._document.notices),
        }

    def sizes(self, pages: list[int]) -> dict[str, Any]:
        """Returns the reply with the sizes of ``pages``."""
        assert self._document is not None  # noqa: S101 - the server opens before it asks
        return {"sizes": [self._document.size(page) for page in pages]}

    def page(self, page_number: int) -> tuple[dict[str, Any], Iterable[bytes]]:
        """Decodes one page; returns the reply and its pixels."""
        if self._document is None:
            raise DecodeFailure("unreadable", DAMAGED)
        page = self._document.decode(page_number)
        return {"height": page.height, "width": page.width, "warnings": list(page.notices)}, page.bands

    def close(self) -> None:
        """Closes the open document, if there is one."""
        document, self._document = self._document, None
        if document is not None:
            document.close()

    def _answer(
        self, message: dict[str, Any], descriptor: int | None
    ) -> tuple[dict[str, Any], Iterable[bytes]]:
        try:
            match message["op"]:
                case "open":
                    assert descriptor is not None  # noqa: S101 - every open carries one
                    return self.open(os.fdopen(descriptor, "rb"), message["password"]), ()
                case "sizes":
                    return self.sizes(message["pages"]), ()
                case "page":
                    return self.page(message["page"])
                case "close":
                    self.close()
            return {"ok": True}, ()
        except DecodeFailure as failure:
            return {"error": failure.kind, "problem": failure.problem}, ()
        except MemoryError:
            return {"error": "memory", "problem": OUT_OF_MEMORY}, ()
        except Exception as error:  # Parsers raise anything: OSError, SyntaxError, struct.error, IndexError…
            return {"error": "unreadable", "problem": DAMAGED, "detail": repr(error)[:500]}, ()


def confine(memory_bytes: int) -> None:
    """Limits what a document that takes this process over, or a bug in a parser, can do.

    Args:
        memory_bytes: address space; 0 for no limit.
    """
    try:
        import resource
    except ImportError:  # Not on Windows.
        return
    limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0}
    if memory_bytes and sys.platform == "linux":  # macOS refuses RLIMIT_AS below what is already mapped.
        limits["RLIMIT_AS"] = memory_bytes
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def give_precedence() -> None:
    """Lets the server's own threads go first.

    Those of a forward wait for each other: one core that a hostile document keeps busy would hold up every forward
    several times over.
    """
    with contextlib.suppress(OSError, AttributeError):  # Windows has none
        os.nice(NICENESS)
    # A session of its own, as this process has, is scheduled as a group; niceness counts only within it (sched(7)).
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def main(arguments: list[str], worker_class: type[Worker] = Worker) -> None:
    """Entry point.

    Args:
        arguments: socket's file descriptor, memory in bytes, seconds for one operation, pixels of a page, and of a
            scan in a PDF.
        worker_class: what answers; tests pass workers that fail on purpose.
    """
    descriptor, memory_bytes, timeout_s = int(arguments[0]), int(arguments[1]), float(arguments[2])
    max_page_pixels, max_scan_pixels = int(arguments[3]), int(arguments[4])
    budget = Budget(memory_bytes, timeout_s, max_page_pixels, max_scan_pixels)
    # The server decides when this process ends: a Ctrl-C or SIGTERM for everyone must let a drain finish.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # The budget's: whoever started the server may have had it ignored, which is inherited.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    give_precedence()
    confine(memory_bytes)
    worker_class(Channel(socket.socket(fileno=descriptor)), timeout_s, budget).run()


if __name__ == "__main__":
    main(sys.argv[1:])
