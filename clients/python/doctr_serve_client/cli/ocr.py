"""``doctr-serve ocr``: reads files through a server. Needs the plain install only."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TextIO

import grpc
import typer
from doctr_serve.v1 import ocr_pb2
from tqdm import tqdm

from doctr_serve_client import AsyncOCRClient, OCRError
from doctr_serve_client.cli.files import InputFile, expand
from doctr_serve_client.cli.output import OutputError, OutputFormat, PageWriter
from doctr_serve_client.connection import DEFAULT_SERVER, DEFAULT_TIMEOUT_S
from doctr_serve_client.options import OPTIONS

__all__ = ["register"]

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE


def register(app: typer.Typer) -> None:
    """Adds the command to the app."""
    app.command(name="ocr", no_args_is_help=True)(_with_option_flags(ocr))


def _with_option_flags(command: Callable[..., None]) -> Callable[..., None]:
    """The command with one flag per OCR option in place of its ``**options``."""
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    flags = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind | None, typer.Option(help=help_text, rich_help_panel="OCR options")],
        )
        for name, (kind, help_text) in OPTIONS.items()
    ]
    command.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *flags]}
    return command


@dataclass(frozen=True)
class _Job:
    """What every file of the run shares."""

    server: str
    credentials: grpc.ChannelCredentials | None
    timeout_s: float
    files_at_once: int
    pdf_password: str | None
    options: Mapping[str, Any]


def ocr(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="JPEG, PNG, TIFF, WebP and PDF files; glob patterns; - for standard input.",
        ),
    ],
    output_format: Annotated[
        OutputFormat,
        typer.Option(
            "--format",
            help="text; json: one array, as the REST answer; ndjson: a page per line, as they are read.",
        ),
    ] = OutputFormat.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of standard output.")
    ] = None,
    server: Annotated[
        str, typer.Option(envvar="DOCTR_SERVE_SERVER", help="The server's host:port.")
    ] = DEFAULT_SERVER,
    timeout_s: Annotated[
        float, typer.Option(min=0.001, help="Seconds one file may take, retries included.")
    ] = DEFAULT_TIMEOUT_S,
    files_at_once: Annotated[
        int, typer.Option("--files-at-once", "-j", min=1, help="Files read at the same time.")
    ] = 2,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Read the documents in directories.")
    ] = False,
    password: Annotated[bool, typer.Option("--password", help="Ask for the PDFs' password.")] = False,
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the PDFs' password.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Connect with TLS.")] = False,
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) to trust instead of the system's; implies --tls.")
    ] = None,
    **options: Any,
) -> None:
    """Read documents and print their text.

    A file that fails is reported on standard error, the others are still read, and the exit status is 1.
    The password of encrypted PDFs is asked for (--password), or read from --password-file or the environment
    variable DOCTR_SERVE_PDF_PASSWORD.
    """
    job = _Job(
        server=server,
        credentials=_credentials(tls, ca_file),
        timeout_s=timeout_s,
        files_at_once=files_at_once,
        pdf_password=_password(password, password_file),
        options={name: value for name, value in options.items() if value is not None},
    )
    try:
        raise typer.Exit(_run(job, files, recursive, output, output_format))
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        typer.echo(f"doctr-serve ocr: {path}: {error.strerror}", err=True)
        raise typer.Exit(EXIT_USAGE) from None


def _credentials(tls: bool, ca_file: Path | None) -> grpc.ChannelCredentials | None:
    if not tls and ca_file is None:
        return None
    return grpc.ssl_channel_credentials(None if ca_file is None else _read_file(ca_file))


def _password(ask: bool, password_file: Path | None) -> str | None:
    """Never from an argument: those are visible to every user of the machine (ps)."""
    if ask:
        return str(typer.prompt("Password of the PDFs", hide_input=True, err=True))
    if password_file is not None:
        return _read_file(password_file).decode().partition("\n")[0].rstrip("\r")
    return os.environ.get("DOCTR_SERVE_PDF_PASSWORD")


def _run(
    job: _Job, arguments: list[str], recursive: bool, output: Path | None, output_format: OutputFormat
) -> int:
    """Reads everything; returns the exit status."""
    found = expand(arguments, recursive=recursive)
    files = found.files
    for message in (*found.problems, *found.notes):
        typer.echo(f"doctr-serve ocr: {message}", err=True)
    failures = len(found.problems)
    output_error: OutputError | None = None
    try:
        with _opened(output) as stream:
            writer = PageWriter(stream, output_format, len(files))
            failures += asyncio.run(_read_all(job, files, writer))
    except* OutputError as group:
        output_error = _first_output_error(group)
    if output_error is not None:
        return _output_failed(output_error.cause)
    return EXIT_FAILED if failures else 0


def _first_output_error(group: ExceptionGroup[OutputError]) -> OutputError:
    first = group.exceptions[0]
    return _first_output_error(first) if isinstance(first, ExceptionGroup) else first


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    if output is not None:
        try:
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
        return
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")  # JSON is UTF-8 by its standard, whatever the locale
    yield sys.stdout


def _output_failed(cause: OSError) -> int:
    if isinstance(cause, BrokenPipeError):
        # Python flushes stdout once more at exit and would print a traceback (docs, "Note on SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    typer.echo(f"doctr-serve ocr: cannot write the output: {cause}", err=True)
    return EXIT_FAILED


async def _read_all(job: _Job, files: list[InputFile], writer: PageWriter) -> int:
    """Reads the files, some at a time; returns how many of them, or of their pages, failed."""
    report = _Report(writer, len(files), partial="pages" in job.options)
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
    job: _Job,
    client: AsyncOCRClient,
    number: int,
    file: InputFile,
    turns: asyncio.Semaphore,
    report: _Report,
) -> None:
    """Reads one file with a request of its own: the server refuses a request whole for one bad document."""
    async with turns:
        try:
            pages = client.stream_pages(file.document, pdf_password=job.pdf_password, **job.options)
            async with aclosing(pages) as stream:
                async for page in stream:
                    report.page(number, page)
        except (OCRError, OSError, ValueError) as error:
            report.failed(file.label, str(error))
        report.finish_file(number)


class _Report:
    """Pages to the writer, failures to standard error, and how far it is to the progress bar."""

    def __init__(self, writer: PageWriter, file_count: int, *, partial: bool) -> None:
        self.failures = 0
        self._writer = writer
        self._file_count = file_count
        self._partial = partial
        self._files_seen: set[int] = set()
        self._files_finished = 0
        # disable=None: shown on a terminal only.
        self.progress = tqdm(unit="page", disable=None, file=sys.stderr, leave=False)

    def page(self, file: int, result: ocr_pb2.PageResult) -> None:
        """One more page."""
        if file not in self._files_seen:
            self._files_seen.add(file)
            if not self._partial:  # with --pages nobody knows how many are read
                self.progress.total = (self.progress.total or 0) + result.page_count
        if result.HasField("error"):
            self.failed(f"{result.name}, page {result.page_number}", result.error.message)
        with tqdm.external_write_mode(file=sys.stdout):
            self._writer.page(file, result)
        self.progress.update()

    def failed(self, label: str, message: str) -> None:
        """A file or a page that could not be read."""
        self.failures += 1
        tqdm.write(f"doctr-serve ocr: {label}: {message}", file=sys.stderr)

    def finish_file(self, file: int) -> None:
        """No page of this file follows."""
        with tqdm.external_write_mode(file=sys.stdout):
            self._writer.finish_file(file)
        self._files_finished += 1
        if self._file_count > 1:
            self.progress.set_postfix_str(f"file {self._files_finished} of {self._file_count}")
