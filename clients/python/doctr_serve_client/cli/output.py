"""How ``doctr-serve ocr`` prints pages: as text, as the REST answer's array, or one JSON object a line."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from doctr_serve_client import to_dict
from doctr_serve_client.cli.terminal import printable
from doctr_serve_client.results import Result, result_text

__all__ = ["OutputError", "OutputFormat", "PageWriter", "opened"]

# What JSON may hold as it is, and yet a terminal obeys (U+009B begins a command as ESC [ does) or a reader of lines
# takes for the end of one.
_ESCAPED_IN_JSON = re.compile(r"[\x7f-\x9f\u2028\u2029]")


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


@contextmanager
def opened(output: Path | None, inputs: Iterable[str]) -> Iterator[TextIO]:
    """The stream to print to: the file ``output``, or standard output for None.

    Args:
        output: a file to write; what it held is gone.
        inputs: paths that are still to be read.

    Raises:
        OutputError: it cannot be written, or is one of the inputs.
    """
    if output is None:
        yield _standard_output()
        return
    try:
        if output.is_file() and any(os.path.exists(path) and output.samefile(path) for path in inputs):
            raise OSError(f"{output} is one of the files to read")
        stream = output.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(error) from error
    try:
        yield stream
    finally:
        try:
            stream.close()  # writes what is still buffered
        except OSError as error:
            raise OutputError(error) from error


def _standard_output() -> TextIO:
    if sys.stdout is None:
        raise OutputError(OSError(errno.EBADF, "standard output is closed"))
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")  # JSON is UTF-8 by its standard, whatever the locale
    return sys.stdout


class PageWriter:
    """Prints pages of several files that are read at the same time.

    Text and JSON come in the order of the files: a page is printed at once when its file's turn has come and
    is kept until then otherwise. NDJSON comes as the pages do. Names are printed without control characters, and
    on a terminal the text is, too.

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
        self._waiting: dict[int, list[Result]] = defaultdict(list)
        self._finished: set[int] = set()
        self._printed = 0
        self._on_terminal = stream.isatty()

    def start(self) -> None:
        """Prints what comes before the first page.

        Raises:
            OutputError: the output cannot be written, here and below.
        """
        if self._format is OutputFormat.JSON:
            self._write("[")

    def page(self, file: int, result: Result) -> None:
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

    def _print(self, result: Result) -> None:
        if self._format is OutputFormat.TEXT:
            self._print_text(result)
            return
        entry = _ESCAPED_IN_JSON.sub(
            lambda found: f"\\u{ord(found[0]):04x}", json.dumps(to_dict(result), ensure_ascii=False)
        )
        if self._format is OutputFormat.JSON:
            entry = (",\n" if self._printed else "\n") + entry
        else:
            entry += "\n"
        self._printed += 1
        self._write(entry)

    def _print_text(self, result: Result) -> None:
        if result.HasField("error"):  # it has no text, and is reported on standard error
            return
        header = ""
        if self._file_count > 1 or result.page_count > 1:
            header = f"==> {printable(result.name)}, page {result.page_number} of {result.page_count} <==\n"
        text = result_text(result)
        if self._on_terminal:
            text = printable(text, keep="\n\t")
        self._write(("\n" if self._printed else "") + header + (text + "\n" if text else ""))
        self._printed += 1

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            raise OutputError(error) from error
