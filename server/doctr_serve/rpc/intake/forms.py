"""A multipart/form-data body in chunks of any size -> documents, spooled.

The contract's parts: ``files``, one document each, and ``pdf_password``, which opens every encrypted PDF of
the request. Options are query parameters, never parts. Parsing is python-multipart's push parser; nothing
here knows of gRPC or of OCR.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError

from doctr_serve.common.memory_budget import MemoryBudget
from doctr_serve.documents import DocumentQuota, SourceDocument
from doctr_serve.errors import InvalidRequestError, RequestTooLargeError
from doctr_serve.rpc.intake.form_faults import MAX_HEADER_BYTES, MAX_HEADER_LINES, malformed, problem_of
from doctr_serve.rpc.intake.form_headers import HOW_TO_SEND, boundary_of
from doctr_serve.rpc.intake.form_part import FILES, PDF_PASSWORD, PartHeaders
from doctr_serve.rpc.intake.form_start import FormStart
from doctr_serve.rpc.intake.limits import MAX_PASSWORD_BYTES, check_name
from doctr_serve.rpc.intake.spool import Spool, SpoolMemory

__all__ = ["FormReader"]

PARTS_WITHOUT_DOCUMENT = 64
"""Parts that a form may have besides its documents: the password, and a page's file inputs that were left empty."""


class FormReader:
    """Reads one form; a context manager, since its documents' temporary files are closed on exit.

    Args:
        content_type: the request's Content-Type, with the boundary.
        max_bytes: longest body, documents and framing together.
        max_documents: most parts named ``files``.
        memory: for documents; what has no room there goes to a temporary file.

    Raises:
        InvalidRequestError: the content type is not multipart/form-data, or has no usable boundary.
    """

    def __init__(self, content_type: str, *, max_bytes: int, max_documents: int, memory: SpoolMemory) -> None:
        self._max_bytes = max_bytes
        self._quota = DocumentQuota(max_documents, field=FILES)
        self._max_parts = max_documents + PARTS_WITHOUT_DOCUMENT
        self._memory = memory
        self._received_bytes = 0
        self._part_count = 0
        self._ended = False
        self._headers = PartHeaders(0)
        self._part_name = ""
        self._file_name = ""
        self._part: Spool | None = None
        self._files: list[tuple[str, Spool]] = []
        self._spools: list[Spool] = []
        self._password: str | None = None
        boundary = boundary_of(content_type)
        self._start = FormStart(boundary)
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_header_field": lambda data, start, end: self._headers.add_name(data[start:end]),
                "on_header_value": lambda data, start, end: self._headers.add_value(data[start:end]),
                "on_header_end": lambda: self._headers.end_line(),
                "on_headers_finished": self._on_headers_finished,
                "on_end": self._on_end,
            },
            max_header_count=MAX_HEADER_LINES,
            max_header_size=MAX_HEADER_BYTES,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for spool in self._spools:
            spool.close()

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the body. After an error the form is lost: feed it nothing more.

        Raises:
            RequestTooLargeError: the body is longer than ``max_bytes``, or has too many files or parts.
            InvalidRequestError: the body is malformed, or has a part that the contract does not know.
            StorageFullError: no room for a temporary file.
        """
        self._received_bytes += len(chunk)
        if self._received_bytes > self._max_bytes:
            raise RequestTooLargeError(
                f"the request is larger than {self._max_bytes} bytes; send fewer or smaller documents, "
                "or ask the operator to raise max_request_bytes",
                field=FILES,
            )
        parsed = self._start.after_preamble(chunk)
        try:
            self._parser.write(parsed)
        except FormParserError as error:
            position = self._received_bytes - len(parsed) + max(0, getattr(error, "offset", 0))
            raise malformed(position, problem_of(error)) from error

    def finish(self) -> list[SourceDocument]:
        """Ends the form.

        Returns:
            The documents, in the order of their parts.

        Raises:
            NoDocumentsError: no part named ``files`` arrived.
            InvalidRequestError: the body has no boundary, or ends before its closing one.
            StorageFullError: no room for a temporary file.
        """
        if self._received_bytes and not self._ended:
            self._start.check_found()
            raise InvalidRequestError(
                "the multipart/form-data body ends before its closing boundary: the upload was cut off, or "
                "the client left the boundary out; send it again",
                field=FILES,
            )
        self._quota.check_not_empty(HOW_TO_SEND)
        password = self._password or ""
        return [SourceDocument(name, spool.content(), password) for name, spool in self._files]

    def _on_part_begin(self) -> None:
        self._part_count += 1
        if self._part_count > self._max_parts:
            raise RequestTooLargeError(
                f"the form has more than {self._max_parts} parts; leave out the empty ones, or send several requests",
                field=FILES,
            )
        self._headers = PartHeaders(self._received_bytes)
        self._part = None

    def _on_headers_finished(self) -> None:
        self._part_name, self._file_name = self._headers.field_and_file_name()
        if self._part_name == PDF_PASSWORD and self._password is not None:
            raise InvalidRequestError(
                f"the form field '{PDF_PASSWORD}' was sent twice; one password opens every PDF of a request: "
                "send documents with different passwords in requests of their own",
                field=PDF_PASSWORD,
            )
        if self._part_name == FILES:
            check_name(self._file_name, len(self._files) + 1, field=FILES)
        self._part = Spool(self._memory if self._part_name == FILES else _password_memory())
        self._spools.append(self._part)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part is None or start == end:
            return
        if self._part_name == FILES and not part.size_bytes:
            self._count_file()
        # Before the write, so that no password ever reaches a temporary file.
        if self._part_name == PDF_PASSWORD and part.size_bytes + end - start > MAX_PASSWORD_BYTES:
            raise InvalidRequestError(
                f"'{PDF_PASSWORD}' is longer than {MAX_PASSWORD_BYTES} bytes", field=PDF_PASSWORD
            )
        part.write(data[start:end])

    def _count_file(self) -> None:
        if not self._file_name:
            raise InvalidRequestError(
                f"a part named '{FILES}' has no file name; send it as a file, {HOW_TO_SEND}", field=FILES
            )
        self._quota.take()

    def _on_part_end(self) -> None:
        part = self._part
        if part is None:
            return
        if self._part_name == PDF_PASSWORD:
            self._password = _password(part)
        # HTML sends a file input that was left empty as a part with an empty name and no content.
        elif self._file_name or part.size_bytes:
            if not part.size_bytes:
                self._count_file()
            self._files.append((self._file_name, part))

    def _on_end(self) -> None:
        self._ended = True


def _password_memory() -> SpoolMemory:
    """Returns room for one password, which no other upload can take: none ever reaches a file."""
    return SpoolMemory(MAX_PASSWORD_BYTES, MemoryBudget(MAX_PASSWORD_BYTES))


def _password(part: Spool) -> str:
    content = part.content()
    assert isinstance(content, bytes)  # noqa: S101 - shorter than its spool's memory
    # A password that comes from a file (curl -F 'pdf_password=<file') ends with that file's line.
    content = content.removesuffix(b"\n").removesuffix(b"\r") if content.endswith(b"\n") else content
    try:
        return content.decode()
    except UnicodeDecodeError:
        # `from None`: the codec's error quotes the bytes, and a password must not reach a log.
        raise InvalidRequestError(f"'{PDF_PASSWORD}' is not valid UTF-8", field=PDF_PASSWORD) from None
