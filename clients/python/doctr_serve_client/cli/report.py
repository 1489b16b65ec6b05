"""What becomes of the pages, warnings and failures of ``doctr-serve ocr`` while it runs."""

from __future__ import annotations

import sys

from tqdm import tqdm

from doctr_serve_client.cli.output import PageWriter
from doctr_serve_client.cli.terminal import complain
from doctr_serve_client.results import Result

__all__ = ["Report"]


class Report:
    """Pages to the writer, failures to standard error, and how far it is to the progress bar.

    Args:
        writer: prints the pages.
        file_count: files in all.
        partial: only some pages are read, and nobody knows how many.
        warn: say the pages' warnings on standard error, where what the writer prints does not hold them.

    Attributes:
        failures: files and pages that could not be read.
        progress: the bar; to be used as a context.
    """

    def __init__(self, writer: PageWriter, file_count: int, *, partial: bool, warn: bool) -> None:
        self.failures = 0
        self._writer = writer
        self._file_count = file_count
        self._partial = partial
        self._warn = warn
        self._files_seen: set[int] = set()
        self._files_finished = 0
        # disable=None: shown on a terminal only. A closed standard error is None, which tqdm does not expect.
        hidden = True if sys.stderr is None else None
        self.progress = tqdm(unit="page", disable=hidden, file=sys.stderr, leave=False)

    def page(self, file: int, result: Result) -> None:
        """One more page."""
        if file not in self._files_seen:
            self._files_seen.add(file)
            if not self._partial:  # with --pages nobody knows how many are read
                self.progress.total = (self.progress.total or 0) + result.page_count
        label = f"{result.name}, page {result.page_number}"
        if result.HasField("error"):
            self.failed(label, result.error.message)
        if self._warn:
            for warning in result.warnings:
                complain(f"{label}: warning {warning.code}: {warning.message}")
        with tqdm.external_write_mode(file=sys.stdout):
            self._writer.page(file, result)
        self.progress.update()

    def failed(self, label: str, message: str) -> None:
        """A file or a page that could not be read."""
        self.failures += 1
        complain(f"{label}: {message}")

    def finish_file(self, file: int) -> None:
        """No page of this file follows."""
        with tqdm.external_write_mode(file=sys.stdout):
            self._writer.finish_file(file)
        self._files_finished += 1
        if self._file_count > 1:
            self.progress.set_postfix_str(f"file {self._files_finished} of {self._file_count}")
