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
from python_multipart.multipart import parse_options_header

from doctr_serve.documents import DocumentQuota, SourceDocument
from doctr_serve.errors import InvalidRequestError, RequestTooLargeError
from doctr_serve.rpc.intake.form_headers import HOW_TO_SEND, boundary_of, file_name_of, printable
from doctr_serve.rpc.intake.spool import Spool
from doctr_serve.v1 import ocr_pb2

__all__ = ["FormReader"]

FILES = "files"
PDF_PASSWORD = "pdf_password"  # noqa: S105 - the name of a form field
# ISO 32000-2 (7.6.4.3.2) uses the first 127 bytes of a password; the rest is room for other encodings.
MAX_PASSWORD_BYTES = 1024
OPTIONS = frozenset(field.name for field in ocr_pb2.OCRRequest.DESCRIPTOR.fields) - {"documents", "body"}
UNENCODED = {"", "7bit", "8bit", "binary"}


class FormReader:
    """Reads one form; a context manager, since its documents' temporary files are closed on exit.

    Args:
        content_type: the request's Content-Type, with the boundary.
        max_bytes: longest body, documents and framing together.
        max_documents: most parts named ``files``.
        spool_memory_bytes: bytes of one document kept in memory; a larger one goes to a temporary file.

    Raises:
        InvalidRequestError: the content type is not multipart/form-data, or has no usable boundary.
    """

    def __init__(
        self, content_type: str, *, max_bytes: int, max_documents: int, spool_memory_bytes: int
    ) -> None:
        self._max_bytes = max_bytes
        self._quota = DocumentQuota(max_documents, field=FILES)
        self._spool_memory_bytes = spool_memory_bytes
        self._received_bytes = 0
        self._ended = False
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[str, bytes] = {}
        self._part_name = ""
        self._file_name = ""
        self._part: Spool | None = None
        self._files: list[tuple[str, Spool]] = []
        self._spools: list[Spool] = []
        self._password: str | None = None
        self._parser = MultipartParser(
            boundary_of(content_type),
            {
                "on_part_begin": self._on_part_begin,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_end": self._on_end,
            },
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
            RequestTooLargeError: the body is longer than ``max_bytes``, or has too many files.
            InvalidRequestError: the body is malformed, or has a part that the contract does not know.
        """
        before_bytes = self._received_bytes
        self._received_bytes += len(chunk)
        if self._received_bytes > self._max_bytes:
            raise RequestTooLargeError(
                f"the request is larger than {self._max_bytes} bytes; send fewer or smaller documents, "
                "or ask the operator to raise max_request_bytes",
                field=FILES,
            )
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            position = before_bytes + max(0, getattr(error, "offset", 0))
            raise InvalidRequestError(
                f"the body is not well-formed multipart/form-data (near byte {position}); its boundary must "
                f"be that of the Content-Type header: let the HTTP client make both, {HOW_TO_SEND}",
                field=FILES,
            ) from error

    def finish(self) -> list[SourceDocument]:
        """Ends the form.

        Returns:
            The documents, in the order of their parts.

        Raises:
            NoDocumentsError: no part named ``files`` arrived.
            InvalidRequestError: the body ends before its closing boundary.
        """
        if self._received_bytes and not self._ended:
            raise InvalidRequestError(
                "the multipart/form-data body ends before its closing boundary: the upload was cut off, or "
                "the client left the boundary out; send it again",
                field=FILES,
            )
        self._quota.check_not_empty(HOW_TO_SEND)
        password = self._password or ""
        return [SourceDocument(name, spool.content(), password) for name, spool in self._files]

    def _on_part_begin(self) -> None:
        self._headers = {}
        self._part = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value.strip()
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        disposition = self._headers.get("content-disposition", b"")
        kind, parameters = parse_options_header(disposition)
        if kind != b"form-data" or b"name" not in parameters:
            raise InvalidRequestError(
                "every part needs the header 'Content-Disposition: form-data; name=\"…\"'; documents are "
                f"sent as {HOW_TO_SEND}",
                field=FILES,
            )
        self._part_name = printable(parameters[b"name"].decode(errors="replace"))
        self._check_part_name()
        self._check_transfer_encoding()
        self._file_name = file_name_of(disposition, parameters.get(b"filename", b""))
        memory_bytes = self._spool_memory_bytes if self._part_name == FILES else MAX_PASSWORD_BYTES
        self._part = Spool(memory_bytes)
        self._spools.append(self._part)

    def _check_part_name(self) -> None:
        name = self._part_name
        if name in OPTIONS:
            raise InvalidRequestError(
                f"the option '{name}' was sent as a form field; options are query parameters: "
                f"POST /ocr?{name}=…",
                field=name,
            )
        if name not in (FILES, PDF_PASSWORD):
            raise InvalidRequestError(
                f"unknown form field '{name}'; documents go in parts named '{FILES}', the password of "
                f"encrypted PDFs in '{PDF_PASSWORD}', options are query parameters",
                field=name,
            )
        if name == PDF_PASSWORD and self._password is not None:
            raise InvalidRequestError(
                f"the form field '{PDF_PASSWORD}' was sent twice; one password opens every PDF of a request: "
                "send documents with different passwords in requests of their own",
                field=PDF_PASSWORD,
            )

    def _check_transfer_encoding(self) -> None:
        # RFC 7578, 4.7 deprecates the header; python-multipart's base64 decoder fails on line breaks.
        encoding = self._headers.get("content-transfer-encoding", b"").decode("latin-1").lower()
        if encoding not in UNENCODED:
            raise InvalidRequestError(
                f"the part '{self._part_name}' has a Content-Transfer-Encoding other than 7bit, 8bit or "
                "binary; send the file's own bytes (RFC 7578, section 4.7)",
                field=self._part_name,
            )

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


def _password(part: Spool) -> str:
    content = part.content()
    assert isinstance(content, bytes)  # noqa: S101 - shorter than its spool's memory
    try:
        return content.decode()
    except UnicodeDecodeError:
        # `from None`: the codec's error quotes the bytes, and a password must not reach a log.
        raise InvalidRequestError(f"'{PDF_PASSWORD}' is not valid UTF-8", field=PDF_PASSWORD) from None
