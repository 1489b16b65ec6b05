"""The run of ``doctr-serve ocr``: every file through the server, some at a time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from doctr_serve.v1 import ocr_pb2
from google.protobuf.message import Message

from doctr_serve_client import AsyncOCRClient, OCRError
from doctr_serve_client.cli.files import InputFile, expand
from doctr_serve_client.cli.output import OutputError, OutputFormat, PageWriter, opened
from doctr_serve_client.cli.report import Report
from doctr_serve_client.cli.terminal import complain, silence
from doctr_serve_client.connection import check_address
from doctr_serve_client.inputs import DocumentInput
from doctr_serve_client.options import check_options
from doctr_serve_client.retry import Deadline

__all__ = ["Job", "run"]

CALLS: Mapping[type[Message], Callable[..., AsyncGenerator[Any, None]]] = {
    ocr_pb2.OCRRequest: AsyncOCRClient.stream_pages,
    ocr_pb2.DetectTextRequest: AsyncOCRClient.detect_text,
    ocr_pb2.ExtractFieldsRequest: AsyncOCRClient.extract_fields,
    ocr_pb2.DetectLayoutRequest: AsyncOCRClient.detect_layout,
    ocr_pb2.ExtractTablesRequest: AsyncOCRClient.extract_tables,
}
"""What is called for documents, by the kind of the requests."""

EXIT_FAILED = 1
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells report it


@dataclass(frozen=True)
class Job:
    """What every file of the run shares.

    Raises:
        ValueError: a server, a timeout or an option that no file could be read with.
    """

    server: str
    credentials: grpc.ChannelCredentials | None
    timeout_s: float
    files_at_once: int
    pdf_password: str | None
    options: Mapping[str, Any]
    kind: type[Message] = ocr_pb2.OCRRequest
    """Of its requests, which says what is asked of the files."""

    def __post_init__(self) -> None:
        check_address(self.server)
        Deadline(self.timeout_s)
        check_options(self.kind, self.options)

    def results(self, client: AsyncOCRClient, document: DocumentInput) -> AsyncGenerator[Any, None]:
        """What the server answers of one file."""
        if self.kind is ocr_pb2.RecognizeTextRequest:
            return client.recognize_text(document, **self.options)
        return CALLS[self.kind](client, document, pdf_password=self.pdf_password, **self.options)


def run(
    job: Job, arguments: Sequence[str], *, recursive: bool, output: Path | None, output_format: OutputFormat
) -> int:
    """Reads everything that the arguments mean; returns the exit status.

    Args:
        job: how to read.
        arguments: what to read; see :func:`expand`.
        recursive: take the documents of directories, too.
        output: file to write, None for standard output.
        output_format: how to print the pages.
    """
    found = expand(arguments, recursive=recursive)
    for message in (*found.problems, *found.notes):
        complain(message)
    failures = len(found.problems)
    output_error: OutputError | None = None
    try:
        paths = [file.document for file in found.files if isinstance(file.document, str)]
        with opened(output, paths) as stream:
            writer = PageWriter(stream, output_format, len(found.files))
            # JSON has a page's warnings in its entry.
            warn = output_format is OutputFormat.TEXT
            failures += asyncio.run(_read_all(job, found.files, writer, warn=warn))
    except* OutputError as group:
        output_error = _first_output_error(group)
    if output_error is not None:
        return _output_failed(output_error.cause)
    return EXIT_FAILED if failures else 0


def _first_output_error(group: ExceptionGroup[OutputError]) -> OutputError:
    first = group.exceptions[0]
    return _first_output_error(first) if isinstance(first, ExceptionGroup) else first


def _output_failed(cause: OSError) -> int:
    if isinstance(cause, BrokenPipeError):
        silence(sys.stdout)
        return EXIT_BROKEN_PIPE
    complain(f"cannot write the output: {cause}")
    return EXIT_FAILED


async def _read_all(job: Job, files: list[InputFile], writer: PageWriter, *, warn: bool) -> int:
    """Reads the files, some at a time; returns how many of them, or of their pages, failed."""
    report = Report(writer, len(files), partial="pages" in job.options, warn=warn)
    turns = asyncio.Semaphore(job.files_at_once)
    writer.start()
    async with AsyncOCRClient(job.server, timeout_s=job.timeout_s, credentials=job.credentials) as client:
        with report.progress:
            async with asyncio.TaskGroup() as tasks:
                for number, file in enumerate(files):
                    tasks.create_task(_read_one(job, client, number, file, turns, report))
    writer.end()
    return report.failures


async def _read_one(
    job: Job,
    client: AsyncOCRClient,
    number: int,
    file: InputFile,
    turns: asyncio.Semaphore,
    report: Report,
) -> None:
    """Reads one file with a request of its own, so that it is tried again, and fails, by itself."""
    async with turns:
        try:
            async with aclosing(job.results(client, file.document)) as stream:
                async for page in stream:
                    report.page(number, page)
        except OSError as error:
            report.failed(file.label, error.strerror or str(error))
        except (OCRError, ValueError) as error:
            report.failed(file.label, str(error))
        report.finish_file(number)
