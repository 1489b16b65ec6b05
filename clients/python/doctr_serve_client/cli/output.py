"""How ``doctr-serve ocr`` prints pages: as text, as the REST answer's array, or one JSON object a line."""

from __future__ import annotations

import json
from collections import defaultdict
from enum import StrEnum
from typing import TextIO

from doctr_serve.v1 import ocr_pb2

from doctr_serve_client import page_text, to_dict

__all__ = ["OutputError", "OutputFormat", "PageWriter"]


class OutputFormat(StrEnum):
    """Value of ``--format``."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"


class OutputError(Exception):
    """The output cannot be written; ``cause`` is the operating system's error.

    Not an OSError, so that it is never taken for a failure to read one of the files.
    """

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class PageWriter:
    """Prints pages of several files that are read at the same time.

    Text and JSON come in the order of the files: a page is printed at once when its file's turn has come and
    is kept until then otherwise. NDJSON comes as the pages do.

    Args:
        stream: where to print.
        output_format: text, json or ndjson.
        file_count: files in all.
    """

    def __init__(self, stream: TextIO, output_format: OutputFormat, file_count: int) -> None:
        self._stream = stream
        self._format = output_format
        self._file_count = file_count
        self._turn = 0
        self._waiting: dict[int, list[ocr_pb2.PageResult]] = defaultdict(list)
        self._finished: set[int] = set()
        self._printed = 0

    def start(self) -> None:
        """Prints what comes before the first page.

        Raises:
            OutputError: the output cannot be written, here and below.
        """
        if self._format is OutputFormat.JSON:
            self._write("[")

    def page(self, file: int, result: ocr_pb2.PageResult) -> None:
        """Takes the next page of file number ``file``, counted from 0."""
        if self._format is OutputFormat.NDJSON or file == self._turn:
            self._print(result)
        else:
            self._waiting[file].append(result)

    def finish_file(self, file: int) -> None:
        """Says that no page of this file follows; prints what waited for it."""
        self._finished.add(file)
        while self._turn in self._finished:
            self._turn += 1
            for result in self._waiting.pop(self._turn, ()):
                self._print(result)

    def end(self) -> None:
        """Prints what comes after the last page."""
        if self._format is OutputFormat.JSON:
            self._write("\n]\n" if self._printed else "]\n")

    def _print(self, result: ocr_pb2.PageResult) -> None:
        if self._format is OutputFormat.TEXT:
            self._print_text(result)
            return
        entry = json.dumps(to_dict(result), ensure_ascii=False)
        if self._format is OutputFormat.JSON:
            entry = (",\n" if self._printed else "\n") + entry
        else:
            entry += "\n"
        self._printed += 1
        self._write(entry)

    def _print_text(self, result: ocr_pb2.PageResult) -> None:
        if result.HasField("error"):  # it has no text, and is reported on standard error
            return
        header = ""
        if self._file_count > 1 or result.page_count > 1:
            header = f"==> {result.name}, page {result.page_number} of {result.page_count} <==\n"
        text = page_text(result)
        self._write(("\n" if self._printed else "") + header + (text + "\n" if text else ""))
        self._printed += 1

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            raise OutputError(error) from error
