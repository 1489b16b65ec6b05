"""The header lines of one part of a form: which field it is, and its file's name."""

from __future__ import annotations

from dataclasses import fields

from python_multipart.multipart import parse_options_header

from doctr_serve.errors import InvalidRequestError
from doctr_serve.options import ReadingOptions
from doctr_serve.rpc.intake.form_faults import LINES_END_IN_LF, MAX_HEADER_BYTES, malformed
from doctr_serve.rpc.intake.form_headers import HOW_TO_SEND, file_name_of, printable
from doctr_serve.rpc.intake.limits import MAX_NAME_CHARACTERS, shortened

__all__ = ["FILES", "PDF_PASSWORD", "PartHeaders"]

FILES = "files"
PDF_PASSWORD = "pdf_password"  # noqa: S105 - the name of a form field

_OPTIONS = frozenset(field.name for field in fields(ReadingOptions))
_UNENCODED = {"", "7bit", "8bit", "binary"}


class PartHeaders:
    """Takes the header lines of a part in pieces, as python-multipart hands them over.

    Args:
        position: where in the body the part begins, about, for messages.
    """

    def __init__(self, position: int) -> None:
        self._position = position
        self._size_bytes = 0
        self._line_name = b""
        self._line_value = b""
        self._lines: dict[str, bytes] = {}

    def add_name(self, piece: bytes) -> None:
        """Takes a piece of a line's name."""
        self._count(piece)
        self._line_name += piece

    def add_value(self, piece: bytes) -> None:
        """Takes a piece of a line's value."""
        self._count(piece)
        self._line_value += piece

    def end_line(self) -> None:
        """Ends a line.

        Raises:
            InvalidRequestError: it holds another line, and so ends in LF alone.
        """
        if b"\n" in self._line_value:
            raise malformed(self._position, LINES_END_IN_LF)
        self._lines[self._line_name.decode("latin-1").lower()] = self._line_value.strip()
        self._line_name = self._line_value = b""

    def field_and_file_name(self) -> tuple[str, str]:
        """Ends the headers.

        Returns:
            The form field's name, one of the contract's, and the file's, empty without one.

        Raises:
            InvalidRequestError: a field that the contract does not know, or an encoding that nobody uses.
        """
        disposition = self._lines.get("content-disposition", b"")
        kind, parameters = parse_options_header(disposition)
        if kind != b"form-data" or b"name" not in parameters:
            raise InvalidRequestError(
                "every part needs the header 'Content-Disposition: form-data; name=\"…\"'; documents are "
                f"sent as {HOW_TO_SEND}",
                field=FILES,
            )
        name = printable(parameters[b"name"].decode(errors="replace"))
        _check_field(name)
        self._check_transfer_encoding(name)
        return name, file_name_of(disposition, parameters.get(b"filename", b""))

    def _count(self, piece: bytes) -> None:
        self._size_bytes += len(piece)
        if self._size_bytes > MAX_HEADER_BYTES:
            raise malformed(
                self._position,
                f"the header lines of a part are longer than {MAX_HEADER_BYTES} bytes; a file name may have "
                f"{MAX_NAME_CHARACTERS} characters",
            )

    def _check_transfer_encoding(self, name: str) -> None:
        # RFC 7578, 4.7 deprecates the header; python-multipart's base64 decoder fails on line breaks.
        encoding = self._lines.get("content-transfer-encoding", b"").decode("latin-1").lower()
        if encoding not in _UNENCODED:
            raise InvalidRequestError(
                f"the part '{name}' has a Content-Transfer-Encoding other than 7bit, 8bit or "
                "binary; send the file's own bytes (RFC 7578, section 4.7)",
                field=name,
            )


def _check_field(name: str) -> None:
    if name in _OPTIONS:
        raise InvalidRequestError(
            f"the option '{name}' was sent as a form field; options are query parameters: ?{name}=…",
            field=name,
        )
    if name not in (FILES, PDF_PASSWORD):
        raise InvalidRequestError(
            f"unknown form field '{shortened(name)}'; documents go in parts named '{FILES}', the password of "
            f"encrypted PDFs in '{PDF_PASSWORD}', options are query parameters",
            field=shortened(name),
        )
